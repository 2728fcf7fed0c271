package learn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
	"github.com/overcloud/overcloud/internal/lirc/lirctest"
)

// press is what a receiver hears of a key: marks up to 60 µs longer, spaces as much shorter.
func press(random *rand.Rand, frame infrared.Frame) infrared.Frame {
	out := infrared.Frame{CarrierHz: frame.CarrierHz, Pulses: slices.Clone(frame.Pulses)}
	for i := range out.Pulses {
		slip := random.IntN(61)
		if i%2 == 1 {
			slip = -slip
		}
		out.Pulses[i] += slip
	}
	return out
}

func frameOf(t *testing.T, remote, key string) infrared.Frame {
	t.Helper()
	profile, err := infrared.ByName(remote)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	state := infrared.State{}
	if _, err := fmt.Sscanf(key, "SET_%d", &n); err == nil {
		state = infrared.State{Power: true, Setpoint: n}
	}
	frame, err := profile.Encode(state, nil)
	if err != nil {
		t.Fatal(err)
	}
	return frame
}

// unknown is a remote that no profile understands: one of ours with other lengths.
func unknown(frame infrared.Frame) infrared.Frame {
	out := frame
	out.Pulses = slices.Clone(frame.Pulses)
	out.Pulses[0] = 6000
	out.Pulses[1] = 7500
	return out
}

// text is what mode2 prints of frames.
func text(frames ...infrared.Frame) string {
	var b strings.Builder
	for _, f := range frames {
		b.WriteString("space 500000\n")
		for i, us := range f.Pulses {
			fmt.Fprintf(&b, "%s %d\n", []string{"pulse", "space"}[i%2], us)
		}
		b.WriteString("timeout 125000\n")
	}
	return b.String()
}

func twice(t *testing.T, random *rand.Rand, remote string, make func(infrared.Frame) infrared.Frame, keys ...string) []infrared.Frame {
	t.Helper()
	var out []infrared.Frame
	for _, key := range keys {
		frame := make(frameOf(t, remote, key))
		out = append(out, press(random, frame), press(random, frame))
	}
	return out
}

func same(f infrared.Frame) infrared.Frame { return f }

func TestAnUnknownRemoteIsLearnedFromARecording(t *testing.T) {
	dir := t.TempDir()
	random := rand.New(rand.NewPCG(1, 2))
	recording, output := filepath.Join(dir, "mode2.txt"), filepath.Join(dir, "my-ac.lircd.conf")
	frames := twice(t, random, "lg", unknown, "POWER_OFF", "SET_23", "SET_24")
	if err := os.WriteFile(recording, []byte(text(frames...)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--from", recording, "--name", "my-ac", "--keys", "POWER_OFF,SET_23..SET_24", "--output", output}
	var out strings.Builder
	if err := Command(t.Context(), args, nil, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{"POWER_OFF: learned", "SET_24: learned", "3 keys, carrier 38000 Hz", "remote: " + output + "#my-ac"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	remote, err := lirc.Find(output, "my-ac")
	if err != nil {
		t.Fatal(err)
	}
	profile, err := remote.Profile()
	if err != nil {
		t.Fatal(err)
	}
	// A press that was not learned is understood by the file.
	if state, _, err := profile.Decode(press(random, unknown(frameOf(t, "lg", "SET_24")))); err != nil || state.Setpoint != 24 {
		t.Errorf("%v %v", state, err)
	}

	// Never over another file without being told.
	before, _ := os.ReadFile(output)
	if err := Command(t.Context(), args, nil, io.Discard); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("%v", err)
	}
	if after, _ := os.ReadFile(output); string(after) != string(before) {
		t.Error("it was overwritten")
	}
	if err := Command(t.Context(), append(args, "--force"), nil, io.Discard); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("something was left behind: %v", entries)
	}
}

func TestAKnownRemoteIsNamed(t *testing.T) {
	for _, name := range infrared.Names() {
		if profile, err := infrared.ByName(name); err != nil || profile.Name() != name {
			continue // another name of the same
		}
		random := rand.New(rand.NewPCG(3, 4))
		output := filepath.Join(t.TempDir(), "a.conf")
		recording := text(twice(t, random, name, same, "POWER_OFF", "SET_24")...)
		var out strings.Builder
		err := Command(t.Context(), []string{"--from", "-", "--name", "a", "--keys", "power_off,SET_24", "--output", output}, strings.NewReader(recording), &out)
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, out.String())
			continue
		}
		if !strings.Contains(out.String(), "cool 24 °C") || !strings.Contains(out.String(), "write remote: "+name+"\n") || !strings.Contains(out.String(), "the file is not needed") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}

func TestWhatIsNotTheKeyIsAskedForAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	lg := func(key string) infrared.Frame { return press(random, frameOf(t, "lg", key)) }
	strange := func(key string) infrared.Frame { return press(random, unknown(frameOf(t, "lg", key))) }
	half := strange("SET_24")
	half.Pulses = half.Pulses[:31]
	endless := infrared.Frame{CarrierHz: 38_000, Pulses: slices.Repeat([]int{3000}, 201)}
	gapped := infrared.Frame{CarrierHz: 38_000, Pulses: slices.Concat(endless.Pulses[:151], []int{20_000}, endless.Pulses[:151])}
	for name, c := range map[string]struct {
		keys   string
		frames []infrared.Frame
		want   []string
		err    string
	}{
		"a recording that was cut short": {
			"SET_24",
			[]infrared.Frame{strange("SET_24"), half, strange("SET_24")},
			[]string{"is like none of the earlier recordings", "SET_24: learned"},
			"",
		},
		"the next setpoint on the way": {
			"SET_24",
			[]infrared.Frame{strange("SET_24"), strange("SET_25"), strange("SET_24")},
			[]string{"is like none of the earlier recordings", "SET_24: learned"},
			"",
		},
		"the same key under another name": {
			"SET_23,SET_24",
			[]infrared.Frame{strange("SET_23"), strange("SET_23"), strange("SET_23"), strange("SET_24"), strange("SET_24")},
			[]string{"that is what SET_23 was", "SET_24: learned"},
			"",
		},
		"a known remote that says another setpoint": {
			"SET_24",
			[]infrared.Frame{lg("SET_25"), lg("SET_25"), lg("SET_24"), lg("SET_24")},
			[]string{"it says cool 25 °C, fan auto, which is not SET_24", "SET_24: learned"},
			"",
		},
		"a known remote that switches off for on": {
			"POWER_ON",
			[]infrared.Frame{lg("POWER_OFF"), lg("SET_24"), lg("SET_24")},
			[]string{"it says off, which is not POWER_ON", "POWER_ON: learned"},
			"",
		},
		"longer than the kernel sends": {
			"SET_24",
			[]infrared.Frame{endless, strange("SET_24"), strange("SET_24")},
			[]string{"it cannot be kept: infrared frame: 201 entries of 603ms have no space", "SET_24: learned"},
			"",
		},
		"longer, with a gap": {
			"SET_24",
			[]infrared.Frame{gapped, gapped},
			[]string{"longer than what lircd can send", "SET_24: learned"},
			"",
		},
		"none that agree": {
			"SET_24",
			[]infrared.Frame{strange("SET_20"), strange("SET_21"), strange("SET_22"), strange("SET_23")},
			nil, "SET_24: 4 recordings and no two agree",
		},
		"a recording that is too short": {
			"SET_24",
			[]infrared.Frame{strange("SET_24")},
			nil, "the recording has ended before all keys were heard twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			output := filepath.Join(t.TempDir(), "a.conf")
			var out strings.Builder
			err := Command(t.Context(), []string{"--from", "-", "--name", "a", "--tries", "4", "--keys", c.keys, "--output", output}, strings.NewReader(text(c.frames...)), &out)
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is missing in\n%s", want, out.String())
				}
			}
			_, stat := os.Stat(output)
			switch {
			case c.err == "" && (err != nil || stat != nil):
				t.Errorf("%v %v", err, stat)
			case c.err != "" && (!errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.err) || stat == nil):
				t.Errorf("%v %v", err, stat)
			}
		})
	}
}

func hear(d *lirctest.Device, f infrared.Frame) {
	for i, us := range f.Pulses {
		d.Hear(lirc.NewWord([]int{lirc.KindPulse, lirc.KindSpace}[i%2], us))
	}
	d.Hear(lirc.NewWord(lirc.KindTimeout, 125_000))
}

func TestAPersonWithAReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(7, 8))
		d := &lirctest.Device{Features: lirc.CanHear}
		output := filepath.Join(t.TempDir(), "a.conf")
		typing, in := io.Pipe()
		var out strings.Builder
		done := make(chan error)
		go func() {
			done <- command(t.Context(), []string{"--receiver", "/dev/lirc1", "--name", "a", "--keys", "POWER_OFF,SET_23,SET_24", "--output", output, "--wait", "5s"}, typing, &out, d.Open)
		}()
		key := func(name string) { hear(d, press(random, unknown(frameOf(t, "lg", name)))); time.Sleep(time.Second) }
		time.Sleep(7 * time.Second) // the person is looking for the remote
		synctest.Wait()
		if !strings.Contains(out.String(), "nothing heard for 5s") {
			t.Errorf("no word after the wait:\n%s", out.String())
		}
		key("POWER_OFF")
		key("POWER_OFF")
		fmt.Fprintln(in, "S") // SET_23 is left out
		time.Sleep(time.Second)
		key("SET_24")
		key("SET_24")
		if err := <-done; err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		in.Close()
		remote, err := lirc.Find(output, "a")
		if err != nil || len(remote.Keys) != 2 || !strings.Contains(out.String(), "SET_23 is left out") {
			t.Errorf("%+v %v\n%s", remote, err, out.String())
		}
		time.Sleep(5 * time.Minute)
		if d.Opened() != 0 {
			t.Error("the receiver is still open")
		}
	})
}

func TestAPersonWhoEndsItWritesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &lirctest.Device{Features: lirc.CanHear}
		output := filepath.Join(t.TempDir(), "a.conf")
		err := command(t.Context(), []string{"--receiver", "/dev/lirc1", "--name", "a", "--output", output}, strings.NewReader("q\n"), io.Discard, d.Open)
		if !errors.Is(err, errQuit) {
			t.Errorf("%v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := command(ctx, []string{"--receiver", "/dev/lirc1", "--name", "a", "--output", output}, nil, io.Discard, d.Open); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if _, err := os.Stat(output); err == nil {
			t.Error("a file was written")
		}
		time.Sleep(5 * time.Minute)
	})
}

func TestARemoteIsOnlyNamed(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 9))
	var out strings.Builder
	recording := text(press(random, frameOf(t, "lg", "SET_24")), press(random, unknown(frameOf(t, "lg", "SET_24"))))
	if err := Command(t.Context(), []string{"--from", "-"}, strings.NewReader(recording), &out); err != nil {
		t.Fatal(err)
	}
	want := "heard 59 lengths"
	if strings.Count(out.String(), want) != 2 || !strings.Contains(out.String(), "this is an LG remote: cool 24 °C, fan auto (0x880095E); write remote: lg") {
		t.Error(out.String())
	}
}

func TestBadFlagsAreOneSentence(t *testing.T) {
	dir := t.TempDir()
	receiver := &lirctest.Device{Features: lirc.CanHear}
	sender := &lirctest.Device{Features: lirc.CanSendPulse}
	for _, c := range []struct {
		args []string
		open lirc.Open
		want string
	}{
		{nil, receiver.Open, "give either --receiver or --from"},
		{[]string{"--receiver", "/dev/lirc1", "--from", "x"}, receiver.Open, "give either"},
		{[]string{"--colour"}, receiver.Open, "flag provided but not defined"},
		{[]string{"--receiver", "/dev/lirc1", "x"}, receiver.Open, `"x" is no flag`},
		{[]string{"--receiver", "/dev/lirc1", "--name", "a b"}, receiver.Open, "no blanks"},
		{[]string{"--receiver", "/dev/lirc1", "--carrier", "5"}, receiver.Open, "--carrier 5 is outside"},
		{[]string{"--receiver", "/dev/lirc1", "--tries", "1"}, receiver.Open, "--tries must be"},
		{[]string{"--receiver", "/dev/lirc1", "--name", "a", "--keys", "SET_30..SET_18", "--output", dir + "/a"}, receiver.Open, "is no range"},
		{[]string{"--receiver", "/dev/lirc1", "--name", "a", "--keys", "SET_18..SET_99", "--output", dir + "/a"}, receiver.Open, "is no range"},
		{[]string{"--receiver", "/dev/lirc1", "--name", "a", "--keys", "SET_18,SET_18", "--output", dir + "/a"}, receiver.Open, "names SET_18 twice"},
		{[]string{"--receiver", "/dev/lirc1", "--name", "a", "--keys", "A,,B", "--output", dir + "/a"}, receiver.Open, `"" is no key`},
		{[]string{"--receiver", "gpio4"}, receiver.Open, "is no infrared device"},
		{[]string{"--receiver", "lircd:"}, receiver.Open, "lircd tells only keys that it knows already"},
		{[]string{"--receiver", "/dev/lirc0"}, sender.Open, "it cannot be a receiver"},
		{[]string{"--from", "-"}, nil, "line 1"},
	} {
		err := command(t.Context(), c.args, strings.NewReader("nonsense\n"), io.Discard, c.open)
		if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	if err := Command(t.Context(), []string{"--from", dir + "/none"}, nil, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
	var out strings.Builder
	if err := Command(t.Context(), []string{"--help"}, nil, &out); err != nil || !strings.Contains(out.String(), "Examples:") {
		t.Errorf("%v", err)
	}
}

func TestAnLircdConfIsWritten(t *testing.T) {
	dir := t.TempDir()
	output := filepath.Join(dir, "lg.conf")
	var out strings.Builder
	if err := LircdConf([]string{"--remote", "lg", "--name", "office", "--output", output}, &out); err != nil {
		t.Fatal(err)
	}
	r, err := lirc.Find(output, "office")
	if err != nil || len(r.Keys) != 14 {
		t.Errorf("%d keys, %v", len(r.Keys), err)
	}
	if err := LircdConf([]string{"--remote", "lg", "--output", output}, &out); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "--force") {
		t.Errorf("%v", err)
	}
	if err := LircdConf([]string{"--remote", "lg", "--output", output, "--force"}, &out); err != nil {
		t.Error(err)
	}
	out.Reset()
	if err := LircdConf([]string{"--remote", "lg"}, &out); err != nil {
		t.Fatal(err)
	}
	if remotes, err := lirc.Parse(strings.NewReader(out.String()), "out"); err != nil || len(remotes) != 1 {
		t.Errorf("%v", err)
	}
	out.Reset()
	if err := LircdConf([]string{"--list"}, &out); err != nil || strings.Count(out.String(), "\n") != len(infrared.Names()) {
		t.Errorf("%v\n%s", err, out.String())
	}
	for want, args := range map[string][]string{
		"--remote is missing (known: ": nil, "is not known": {"--remote", "lgg"}, `"x" is no flag`: {"x"}, "not defined": {"--x"},
		`"a b" is no name for a remote`: {"--remote", "lg", "--name", "a b"},
	} {
		if err := LircdConf(args, io.Discard); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v", err)
		}
	}
	if err := LircdConf([]string{"-h"}, &out); err != nil {
		t.Error(err)
	}
}

// chatter heard something before each key was asked for.
type chatter struct {
	waiting []infrared.Frame
	next    []infrared.Frame
}

func (c *chatter) Next(context.Context) (infrared.Frame, error) {
	for _, queue := range []*[]infrared.Frame{&c.waiting, &c.next} {
		if len(*queue) > 0 {
			frame := (*queue)[0]
			*queue = (*queue)[1:]
			return frame, nil
		}
	}
	return infrared.Frame{}, io.EOF
}

func (c *chatter) Forget() { c.waiting = nil }

func TestWhatWasHeardBeforeAKeyWasAskedForIsNotThatKey(t *testing.T) {
	stray, meant := unknown(frameOf(t, "lg", "SET_20")), unknown(frameOf(t, "lg", "SET_18"))
	learned, err := Session{
		Name: "x", Keys: []string{"SET_18"}, Wait: time.Second, Tries: 8, Out: io.Discard,
		Source: &chatter{waiting: []infrared.Frame{stray, stray}, next: []infrared.Frame{meant, meant}},
	}.Learn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := learned.Remote.Keys[0].Pulses; !slices.Equal(got, meant.Pulses) {
		t.Errorf("the stray frame was taken for the key: %v", got)
	}
}
