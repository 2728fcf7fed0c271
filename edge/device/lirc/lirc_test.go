package lirc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
	"github.com/overcloud/overcloud/internal/lirc/lirctest"
)

// lircd answers commands by a table, anything else with SUCCESS, and can broadcast.
type lircd struct {
	address string

	mu       sync.Mutex
	answers  map[string][]string // by command, one after another: "SUCCESS\n" or "ERROR\nDATA\n…"
	commands []string
	times    []time.Time
	conns    []net.Conn
}

func newLircd(t *testing.T) *lircd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "lircd")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l := &lircd{address: "lircd:" + path, answers: map[string][]string{}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.mu.Lock()
			l.conns = append(l.conns, conn)
			l.mu.Unlock()
			go l.serve(conn)
		}
	}()
	return l
}

func (l *lircd) serve(conn net.Conn) {
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		command, answer := lines.Text(), "SUCCESS\n"
		l.mu.Lock()
		l.commands, l.times = append(l.commands, command), append(l.times, time.Now())
		if next := l.answers[command]; len(next) > 0 {
			answer, l.answers[command] = next[0], next[1:]
		}
		l.mu.Unlock()
		fmt.Fprintf(conn, "BEGIN\n%s\n%sEND\n", command, answer)
	}
}

func (l *lircd) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.commands)
}

func (l *lircd) broadcast(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		fmt.Fprint(c, text)
	}
	return len(l.conns)
}

// remote is a remote by names alone, as lircd knows them.
func remote(t *testing.T, keys ...string) infrared.Profile {
	t.Helper()
	frames := map[string]infrared.Frame{}
	for _, key := range keys {
		frames[key] = infrared.Frame{}
	}
	profile, err := infrared.Named("my-ac", "my-ac", frames)
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

func builtIn(t *testing.T, name string) infrared.Profile {
	t.Helper()
	profile, err := infrared.ByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return profile
}

func cool(t *testing.T, profile infrared.Profile, setpoint int) infrared.Frame {
	t.Helper()
	frame, err := profile.Encode(infrared.State{Power: true, Setpoint: setpoint}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

func TestKeysGoToLircdOneAfterAnother(t *testing.T) {
	l := newLircd(t)
	profile := remote(t, "SET_18", "SET_19", "POWER_ON", "POWER_OFF")
	transmitter, err := Transmitter(l.address, profile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := transmitter.Send(t.Context(), cool(t, profile, 19)); err != nil {
		t.Fatal(err)
	}
	if want := []string{"SEND_ONCE my-ac POWER_ON", "SEND_ONCE my-ac SET_19"}; !slices.Equal(l.said(), want) {
		t.Errorf("%v", l.said())
	}
	if pause := l.times[1].Sub(l.times[0]); pause < infrared.KeyPause {
		t.Errorf("%s between switching on and setting", pause)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := transmitter.Send(ctx, cool(t, profile, 18)); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "stopped before SET_18") {
		t.Errorf("%v", err)
	}
}

func TestABusyLircdIsAskedAgain(t *testing.T) {
	l := newLircd(t)
	const busy = "ERROR\nDATA\n1\nbusy: repeating\n"
	l.answers["SEND_ONCE my-ac SET_18"] = []string{busy, busy, "SUCCESS\n", busy, busy, busy, busy}
	profile := remote(t, "SET_18", "POWER_OFF")
	transmitter, err := Transmitter(l.address, profile, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := transmitter.Send(t.Context(), cool(t, profile, 18)); err != nil || len(l.said()) != 3 {
		t.Errorf("%v after %v", err, l.said())
	}
	if err := transmitter.Send(t.Context(), cool(t, profile, 18)); !errors.Is(err, lirc.ErrBusy) || len(l.said()) != 7 {
		t.Errorf("%v after %v", err, l.said())
	}
}

func TestWhatCannotGoTogetherIsRefusedAtTheStart(t *testing.T) {
	lg, keysOnly := builtIn(t, "lg"), remote(t, "SET_18", "POWER_OFF")
	half := slices.Repeat([]int{1000}, 301)
	tooLong, err := infrared.Named("my-ac", "my-ac", map[string]infrared.Frame{
		"SET_18": {Pulses: slices.Concat(half, []int{9000}, half)}, "POWER_OFF": {Pulses: half},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Transmitter("/dev/lirc0", tooLong, nil); err != nil {
		t.Errorf("the kernel gets it in parts: %v", err)
	}
	for address, c := range map[string]struct {
		profile infrared.Profile
		want    string
	}{
		"lircd:/tmp/lircd":    {tooLong, "remote my-ac, SET_18: send it through /dev/lirc0: lasts 611ms"},
		"lircd:":              {lg, "write a file with `edge lircd-conf --remote lg > lg.lircd.conf`"},
		"lircd:tmp":           {keysOnly, "must begin with /"},
		"/dev/lirc0":          {keysOnly, "remote my-ac has no pulses for POWER_OFF, only a name that lircd knows"},
		"/dev/lirc0?duty=0":   {lg, "duty=0 is no option (write duty=1 to duty=99)"},
		"/dev/lirc0?colour=1": {lg, "colour=1 is no option"},
		"/dev/li rc0":         {lg, "is no infrared device"},
		"/tmp/lirc0":          {lg, "is no infrared device"},
	} {
		_, err := Transmitter(address, c.profile, nil)
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, address := range []string{"lircd:tmp", "/tmp/lirc0", "lircd://"} {
		if _, err := Receiver(address, nil); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for address, want := range map[string]bool{"lircd:": true, "lircd://pi": true, "/dev/lirc0": true, "simulated://ac1": false, "": false} {
		if IsAddress(address) != want {
			t.Errorf("%q", address)
		}
	}
}

func TestTheLircdIsCheckedWithoutSending(t *testing.T) {
	l := newLircd(t)
	l.answers["VERSION"] = []string{"SUCCESS\nDATA\n1\n0.10.1\n", "SUCCESS\nDATA\n1\n0.10.1\n", "SUCCESS\nDATA\n1\n0.10.1\n"}
	l.answers["LIST my-ac"] = []string{
		"SUCCESS\nDATA\n2\n0000000000000001 SET_18\n0000000000000002 power_off\n",
		"SUCCESS\nDATA\n1\n0000000000000001 KEY_POWER\n",
		"ERROR\nDATA\n1\nunknown remote: \"my-ac\"\n",
	}
	transmitter, err := Transmitter(l.address, remote(t, "SET_18", "POWER_OFF"), nil)
	if err != nil {
		t.Fatal(err)
	}
	check := transmitter.(interface {
		Check(ctx context.Context) (string, error)
	}).Check
	if text, err := check(t.Context()); err != nil || !strings.HasPrefix(text, "lircd 0.10.1 at /") || !strings.HasSuffix(text, "remote my-ac with 2 keys") {
		t.Errorf("%q %v", text, err)
	}
	if _, err := check(t.Context()); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "my-ac has no POWER_OFF, SET_18") {
		t.Errorf("%v", err)
	}
	if _, err := check(t.Context()); !errors.Is(err, lirc.ErrUnknownRemote) {
		t.Errorf("%v", err)
	}
	for _, command := range l.said() {
		if strings.HasPrefix(command, "SEND") {
			t.Errorf("it sent %s", command)
		}
	}
	if text := transmitter.(device.Describer).Describe(); !strings.HasPrefix(text, "lircd") {
		t.Error(text)
	}
}

func TestWhatLircdHearsIsAFrameOfItsKey(t *testing.T) {
	l := newLircd(t)
	receiver, err := Receiver(l.address, nil)
	if err != nil {
		t.Fatal(err)
	}
	frames, cursor, err := receiver.Heard(t.Context(), -1)
	if err != nil || len(frames) != 0 {
		t.Fatalf("%v %v", frames, err)
	}
	for l.broadcast("") == 0 {
		time.Sleep(time.Millisecond)
	}
	l.broadcast("0000000000f40bf0 00 set_24 my-ac\n0000000000f40bf0 01 set_24 my-ac\n0000000000f40bf0 00 KEY_MUTE tv\n")
	for deadline := time.Now().Add(10 * time.Second); len(frames) < 2 && time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var more []infrared.Frame
		if more, cursor, err = receiver.Heard(t.Context(), cursor); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, more...)
	}
	if len(frames) != 2 {
		t.Fatalf("%v", frames)
	}
	profile := remote(t, "SET_24", "POWER_OFF")
	if state, code, err := profile.Decode(frames[0]); err != nil || state.Setpoint != 24 || code != "SET_24" {
		t.Errorf("%v %v %v", state, code, err)
	}
	if _, _, err := profile.Decode(frames[1]); !errors.Is(err, fault.ErrInvalid) {
		t.Error("another remote is understood")
	}
}

func TestALircdThatIsAwayIsAnErrorUntilItIsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lircd")
	receiver, err := Receiver("lircd:"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, cursor, err := receiver.Heard(t.Context(), 7); !errors.Is(err, fault.ErrUnreachable) || cursor != 7 {
		t.Errorf("%d %v", cursor, err)
	}
}

func TestPulsesGoToTheDeviceAndAreHeardByAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lg := builtIn(t, "lg")
		sender := &lirctest.Device{Features: lirc.CanSendPulse | lirc.CanSetCarrier | lirc.CanSetDuty}
		hearer := &lirctest.Device{Features: lirc.CanHear}
		transmitter, err := Transmitter("/dev/lirc0?duty=33", lg, sender.Open)
		if err != nil {
			t.Fatal(err)
		}
		receiver, err := Receiver("/dev/lirc1", hearer.Open)
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		_, cursor, err := receiver.Heard(ctx, -1)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		frame := cool(t, lg, 24)
		if err := transmitter.Send(ctx, frame); err != nil {
			t.Fatal(err)
		}
		writes, _ := sender.Writes()
		hear(hearer, writes[0])
		synctest.Wait()
		frames, cursor, err := receiver.Heard(ctx, cursor)
		if err != nil || len(frames) != 1 {
			t.Fatalf("%v %v", frames, err)
		}
		if state, code, err := lg.Decode(frames[0]); err != nil || state.Setpoint != 24 || code != frame.Code {
			t.Errorf("%v %v %v", state, code, err)
		}
		if frames, _, _ := receiver.Heard(ctx, cursor); len(frames) != 0 {
			t.Error("heard twice")
		}
		if frames, _, _ := receiver.Heard(ctx, -1); len(frames) != 0 {
			t.Error("the past was asked for")
		}

		// Pulled out and put back.
		hearer.Pull()
		synctest.Wait()
		if _, next, err := receiver.Heard(ctx, cursor); !errors.Is(err, fault.ErrUnreachable) || next != cursor {
			t.Errorf("%v", err)
		}
		hearer.Plug()
		time.Sleep(3 * time.Second)
		_, _, _ = receiver.Heard(ctx, cursor)
		synctest.Wait()
		hear(hearer, writes[0])
		synctest.Wait()
		if frames, _, err := receiver.Heard(ctx, cursor); err != nil || len(frames) != 1 {
			t.Errorf("%v %v", frames, err)
		}

		// Nobody asks any more: it leaves the device.
		time.Sleep(2 * idleFor)
		synctest.Wait()
		if hearer.Opened() != 0 {
			t.Error("it listens to nobody's use")
		}
		_, _, _ = receiver.Heard(ctx, cursor)
		synctest.Wait()
		if hearer.Opened() != 1 {
			t.Error("asked again, it does not listen again")
		}
		if err := receiver.(*ear).Close(); err != nil {
			t.Error(err)
		}
	})
}

func hear(d *lirctest.Device, pulses []int) {
	for i, us := range pulses {
		d.Hear(lirc.NewWord([]int{lirc.KindPulse, lirc.KindSpace}[i%2], us+i%2*-30+15))
	}
	d.Hear(lirc.NewWord(lirc.KindTimeout, 125_000))
}

func TestDevicesSayWhatTheyCan(t *testing.T) {
	both := &lirctest.Device{Features: lirc.CanSendPulse | lirc.CanSetCarrier | lirc.CanHear}
	transmitter, err := Transmitter("/dev/lirc0", builtIn(t, "lg"), both.Open)
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := Receiver("/dev/lirc0", both.Open)
	if err != nil {
		t.Fatal(err)
	}
	const want = "/dev/lirc0: sends, sets the carrier, hears"
	if got := transmitter.(device.Describer).Describe(); got != want {
		t.Error(got)
	}
	if got := receiver.(device.Describer).Describe(); got != want {
		t.Error(got)
	}
	both.Features = 0
	if _, err := transmitter.(*pulseSender).Check(t.Context()); !errors.Is(err, lirc.ErrCannotSend) {
		t.Errorf("%v", err)
	}
	if _, err := receiver.(*ear).Check(t.Context()); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
	both.Pull()
	if got := transmitter.(device.Describer).Describe(); got != "/dev/lirc0, which is not there" {
		t.Error(got)
	}
}

func TestARemoteOfAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lg.conf")
	r, err := lirc.FromProfile(builtIn(t, "lg"), "my-lg")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Write(file, ""); err != nil {
		t.Fatal(err)
	}
	file.Close()
	profile, err := Remote(path + "#my-lg")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Transmitter("lircd:", profile, nil); err != nil {
		t.Error(err)
	}
	if _, err := Transmitter("/dev/lirc0", profile, nil); err != nil {
		t.Error(err)
	}
	if _, err := Remote(path + "#other"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if _, err := Remote("lg#"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
