package lirc_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
	"github.com/overcloud/overcloud/internal/lirc/lirctest"
)

const sender = lirc.CanSendPulse | lirc.CanSetCarrier | lirc.CanSetDuty

func frameOf(t *testing.T, remote string, setpoint int) infrared.Frame {
	t.Helper()
	profile, err := infrared.ByName(remote)
	if err != nil {
		t.Fatal(err)
	}
	frame, err := profile.Encode(infrared.State{Power: true, Setpoint: setpoint}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// long lasts more than the kernel's 500 ms and has a gap in its middle.
func long() infrared.Frame {
	half := slices.Repeat([]int{1000}, 301)
	return infrared.Frame{CarrierHz: 38_000, Pulses: slices.Concat(half, []int{15_500}, half)}
}

func TestAFrameIsSentAsTheKernelWantsIt(t *testing.T) {
	d := &lirctest.Device{Features: sender}
	frame := frameOf(t, "lg", 24)
	if err := (lirc.Transmitter{Path: "/dev/lirc0", Duty: 33, Open: d.Open}).Send(t.Context(), frame); err != nil {
		t.Fatal(err)
	}
	writes, _ := d.Writes()
	if len(writes) != 1 || !slices.Equal(writes[0], frame.Pulses) {
		t.Errorf("%v", writes)
	}
	if d.Carrier != 38_000 || d.Duty != 33 || d.Opened() != 0 {
		t.Errorf("carrier %d, duty %d, still opened %d", d.Carrier, d.Duty, d.Opened())
	}
}

func TestEveryRemoteFitsTheKernel(t *testing.T) {
	for _, name := range infrared.Names() {
		synctest.Test(t, func(t *testing.T) {
			d := &lirctest.Device{Features: sender, WriteTakes: time.Sleep}
			frame := frameOf(t, name, 25)
			if err := (lirc.Transmitter{Open: d.Open}).Send(t.Context(), frame); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			writes, _ := d.Writes()
			if got := len(slices.Concat(writes...)); got != len(frame.Pulses)-(len(writes)-1) {
				t.Errorf("%s: %d entries became %d in %d writes", name, len(frame.Pulses), got, len(writes))
			}
		})
	}
}

func TestThePauseOfALongFrameIsKeptWhateverTheWriteTakes(t *testing.T) {
	const lasts = 301 * time.Millisecond
	for name, c := range map[string]struct {
		takes func(time.Duration)
		want  time.Duration // from the first write's beginning to the second's
	}{
		"a write that blocks until sent": {time.Sleep, lasts + 15_500*time.Microsecond},
		"a write that returns at once":   {func(time.Duration) {}, lasts + 15_500*time.Microsecond},
		"a write that is 4 ms late":      {func(d time.Duration) { time.Sleep(d + 4*time.Millisecond) }, lasts + 15_500*time.Microsecond},
		"a write that is 60 ms late":     {func(d time.Duration) { time.Sleep(d + 60*time.Millisecond) }, lasts + 60*time.Millisecond + 7750*time.Microsecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &lirctest.Device{Features: sender, WriteTakes: c.takes}
				if err := (lirc.Transmitter{Open: d.Open}).Send(t.Context(), long()); err != nil {
					t.Fatal(err)
				}
				writes, at := d.Writes()
				if len(writes) != 2 {
					t.Fatalf("%d writes", len(writes))
				}
				if got := at[1].Sub(at[0]); got != c.want {
					t.Errorf("%s between the writes, not %s", got, c.want)
				}
			})
		})
	}
}

func TestTwoLongFramesNeverMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &lirctest.Device{Features: sender, WriteTakes: time.Sleep}
		other := long()
		other.Pulses = slices.Clone(other.Pulses)
		for i, us := range other.Pulses {
			if us == 1000 {
				other.Pulses[i] = 900
			}
		}
		failed := make(chan error)
		for _, f := range []infrared.Frame{long(), other, long()} {
			go func() { failed <- lirc.Transmitter{Open: d.Open}.Send(t.Context(), f) }()
		}
		for range 3 {
			if err := <-failed; err != nil {
				t.Error(err)
			}
		}
		writes, _ := d.Writes()
		if len(writes) != 6 {
			t.Fatalf("%d writes", len(writes))
		}
		for i := 0; i < 6; i += 2 {
			if writes[i][0] != writes[i+1][0] {
				t.Errorf("writes %d and %d are of two frames", i, i+1)
			}
		}
	})
}

func TestWhatTheDeviceCannotDoIsASentence(t *testing.T) {
	lg := frameOf(t, "lg", 24)
	far := lg
	far.CarrierHz = 56_000
	for name, c := range map[string]struct {
		device *lirctest.Device
		frame  infrared.Frame
		want   error
		text   string
	}{
		"a receiver":               {&lirctest.Device{Features: lirc.CanHear}, lg, lirc.ErrCannotSend, "the device hears: the hardware cannot send"},
		"no carrier, another one":  {&lirctest.Device{Features: lirc.CanSendPulse}, far, fault.ErrRejected, "needs a carrier of 56000 Hz"},
		"no carrier, the same":     {&lirctest.Device{Features: lirc.CanSendPulse}, lg, nil, ""},
		"the kernel says EINVAL":   {&lirctest.Device{Features: sender, WriteFails: []error{syscall.EINVAL}}, lg, fault.ErrRejected, "part 1 of 1: send 59 lengths, "},
		"the kernel says EIO":      {&lirctest.Device{Features: sender, WriteFails: []error{syscall.EIO}}, lg, fault.ErrRejected, "input/output error"},
		"pulled out while sending": {&lirctest.Device{Features: sender, WriteFails: []error{nil, syscall.ENODEV}}, long(), fault.ErrUnreachable, "part 2 of 2"},
		"a frame without pulses":   {&lirctest.Device{Features: sender}, infrared.Frame{CarrierHz: 38_000, Remote: "a", Keys: []string{"SET_18"}}, fault.ErrInvalid, "no pulses"},
		"an even frame":            {&lirctest.Device{Features: sender}, infrared.Frame{CarrierHz: 38_000, Pulses: []int{1, 2}}, fault.ErrInvalid, "end with a mark"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				err := lirc.Transmitter{Path: "/dev/lirc0", Open: c.device.Open}.Send(t.Context(), c.frame)
				if !errors.Is(err, c.want) || (err != nil && !strings.Contains(err.Error(), c.text)) {
					t.Errorf("%v", err)
				}
				if c.device.Opened() != 0 {
					t.Error("it was left open")
				}
			})
		})
	}
	d := &lirctest.Device{Features: sender}
	d.Pull()
	if err := (lirc.Transmitter{Path: "/dev/lirc0", Open: d.Open}).Send(t.Context(), lg); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	d.Plug()
	if err := (lirc.Transmitter{Path: "/dev/lirc0", Open: d.Open}).Send(t.Context(), lg); err != nil {
		t.Errorf("after it was put back: %v", err)
	}
}

func TestASendingStopsBetweenItsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &lirctest.Device{Features: sender, WriteTakes: time.Sleep}
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := (lirc.Transmitter{Open: d.Open}).Send(ctx, long()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if writes, _ := d.Writes(); len(writes) != 1 {
			t.Errorf("%d writes", len(writes))
		}
	})
}

func TestAFileIsNoDevice(t *testing.T) {
	if _, err := lirc.OpenDevice("/etc/hostname"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if _, err := lirc.OpenDevice("/dev/lirc-none"); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	port, err := lirc.OpenDevice("/dev/null")
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if _, err := lirc.GetFeatures(port); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "no infrared device") {
		t.Errorf("%v", err)
	}
}

// said are the words that the kernel gives for a frame.
func said(f infrared.Frame) []lirc.Word {
	var words []lirc.Word
	for i, us := range f.Pulses {
		words = append(words, lirc.NewWord([]int{lirc.KindPulse, lirc.KindSpace}[i%2], us))
	}
	return words
}

func TestFramesAreAssembledOfWords(t *testing.T) {
	lg := frameOf(t, "lg", 24)
	timeout, gap := lirc.NewWord(lirc.KindTimeout, 125_000), lirc.NewWord(lirc.KindSpace, 300_000)
	cut := said(lg)
	cut = slices.Insert(cut, 1, lirc.NewWord(lirc.KindPulse, 40)) // a driver that tells a long mark in two
	longer := slices.Clone(lg.Pulses)
	longer[0] += 40
	overflow := slices.Insert(said(lg), 20, lirc.NewWord(lirc.KindOverflow, 0))
	for name, c := range map[string]struct {
		words []lirc.Word
		want  [][]int
	}{
		"ended by a timeout":          {append(said(lg), timeout), [][]int{lg.Pulses}},
		"ended by a long space":       {append(said(lg), gap), [][]int{lg.Pulses}},
		"two, as the kernel has them": {slices.Concat([]lirc.Word{gap}, said(lg), []lirc.Word{timeout, gap}, said(lg), []lirc.Word{timeout}), [][]int{lg.Pulses, lg.Pulses}},
		"a gap inside stays":          {slices.Concat(said(long()), []lirc.Word{timeout}), [][]int{long().Pulses}},
		"an early timeout is no end":  {slices.Concat(said(long())[:301], []lirc.Word{lirc.NewWord(lirc.KindTimeout, 10_000)}, said(long())[301:], []lirc.Word{timeout}), [][]int{long().Pulses}},
		"a mark in two":               {append(cut, timeout), [][]int{longer}},
		"an overflow spoils":          {slices.Concat(overflow, []lirc.Word{timeout}, said(lg), []lirc.Word{timeout}), [][]int{lg.Pulses}},
		"a flicker is none":           {[]lirc.Word{lirc.NewWord(lirc.KindPulse, 50), gap, lirc.NewWord(lirc.KindPulse, 50), timeout}, nil},
		"a newer kind is left":        {slices.Concat([]lirc.Word{lirc.NewWord(9, 1)}, said(lg), []lirc.Word{timeout}), [][]int{lg.Pulses}},
		"light that never ends":       {append(slices.Repeat(said(lg)[1:3], 5000), timeout), nil},
		"nothing":                     {[]lirc.Word{timeout, gap}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var a lirc.Assembler
			var got [][]int
			for _, w := range c.words {
				if f, ended := a.Add(w); ended {
					got = append(got, f.Pulses)
				}
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v\nnot %v", got, c.want)
			}
		})
	}
	var a lirc.Assembler
	a.Add(lirc.NewWord(lirc.KindFrequency, 36_700))
	for _, w := range said(lg) {
		a.Add(w)
	}
	if f, ok := a.End(); !ok || f.CarrierHz != 36_700 {
		t.Errorf("%+v", f)
	}
}

func TestADeviceIsHeard(t *testing.T) {
	lg := frameOf(t, "lg", 24)
	for name, old := range map[string]bool{"with reports of silence": false, "an old kernel": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &lirctest.Device{Features: lirc.CanHear, NoTimeoutReports: old}
				ctx, cancel := context.WithCancel(t.Context())
				heard, ended := make(chan infrared.Frame, 10), make(chan error)
				go func() {
					ended <- lirc.Listen(ctx, d.Open, "/dev/lirc1", func() {}, func(f infrared.Frame) { heard <- f })
				}()
				synctest.Wait()
				d.Hear(said(lg)[:30]...)
				d.Hear(said(lg)[30:]...)
				if !old {
					d.Hear(lirc.NewWord(lirc.KindTimeout, 125_000))
					synctest.Wait()
					if len(heard) != 1 {
						t.Error("it waits after the timeout")
					}
				}
				if f := <-heard; !slices.Equal(f.Pulses, lg.Pulses) {
					t.Errorf("%v", f)
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
				if d.Opened() != 0 {
					t.Error("left open")
				}
			})
		})
	}
}

func TestADeviceThatCannotBeHeard(t *testing.T) {
	none := func(infrared.Frame) {}
	d := &lirctest.Device{Features: sender}
	if err := lirc.Listen(t.Context(), d.Open, "/dev/lirc0", func() {}, none); !errors.Is(err, fault.ErrInvalid) || d.Opened() != 0 {
		t.Errorf("%v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		d := &lirctest.Device{Features: lirc.CanHear}
		ended := make(chan error)
		go func() { ended <- lirc.Listen(t.Context(), d.Open, "/dev/lirc1", func() {}, none) }()
		synctest.Wait()
		d.Pull()
		if err := <-ended; !errors.Is(err, fault.ErrUnreachable) || !strings.HasPrefix(err.Error(), "/dev/lirc1: hear: the device is gone") {
			t.Errorf("%v", err)
		}
		if err := lirc.Listen(t.Context(), d.Open, "/dev/lirc1", func() {}, none); !errors.Is(err, fault.ErrUnreachable) {
			t.Errorf("%v", err)
		}
	})
}

func TestMode2sTextIsRead(t *testing.T) {
	const text = `Using driver default on device /dev/lirc1
Trying device: /dev/lirc1
Using device: /dev/lirc1
space 16777215
pulse 3250
space 9900
pulse 480
space 550
carrier 38000
pulse 480
space 1600
pulse 480
space 550
pulse 480
timeout 125344
# ir-ctl
+3250 -9900 +480 -550 +480 -1600 +480 -550 +480 # and silence
`
	frames, err := lirc.ReadMode2(strings.NewReader(text))
	if err != nil || len(frames) != 2 || !reflect.DeepEqual(frames[0], frames[1]) || len(frames[0].Pulses) != 9 {
		t.Errorf("%v %v", frames, err)
	}
	for bad, want := range map[string]string{
		"pulse 1\npulse x\n": `line 2: "pulse x" is no line of mode2`, "puls 1\n": "line 1", "pulse\n": "line 1",
		"+5 0\n": `line 1: "0" is no length`, "+5 -x\n": "line 1",
	} {
		if _, err := lirc.ReadMode2(strings.NewReader(bad)); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzMode2(f *testing.F) {
	f.Add("pulse 100\nspace 200\n+5 -6\ntimeout 125000\n")
	f.Fuzz(func(t *testing.T, text string) {
		frames, err := lirc.ReadMode2(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, frame := range frames {
			if len(frame.Pulses)%2 == 0 || len(frame.Pulses) > 4096 || slices.Max(frame.Pulses) >= 1<<24 {
				t.Errorf("%v", frame)
			}
		}
	})
}
