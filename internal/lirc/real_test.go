package lirc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
)

// daemon is a real lircd of this machine's distribution, with its file driver: what it would send is in a file.
type daemon struct {
	t                    *testing.T
	dir, conf, out, path string
	driver, device       string
	process              *exec.Cmd
}

func newDaemon(t *testing.T, conf string) *daemon {
	t.Helper()
	if _, err := exec.LookPath("lircd"); err != nil {
		t.Skip("lircd is not installed (Debian's package lirc): this test needs the real one")
	}
	dir := t.TempDir()
	d := &daemon{
		t: t, dir: dir, conf: filepath.Join(dir, "lircd.conf"), out: filepath.Join(dir, "out.txt"),
		path: filepath.Join(dir, "lircd"), driver: "file", device: filepath.Join(dir, "out.txt"),
	}
	d.configure(conf)
	return d
}

func (d *daemon) configure(conf string) {
	d.t.Helper()
	if err := os.WriteFile(d.conf, []byte(conf), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) start() {
	d.t.Helper()
	options := filepath.Join(d.dir, "options.conf")
	if err := os.WriteFile(options, []byte("[lircd]\n"), 0o600); err != nil {
		d.t.Fatal(err)
	}
	os.Remove(d.path)
	d.process = exec.Command("lircd", "--nodaemon", "--driver="+d.driver, "--device="+d.device, "--output="+d.path,
		"--pidfile="+filepath.Join(d.dir, "pid"), "--logfile="+filepath.Join(d.dir, "log"), "--options-file="+options, d.conf)
	if err := d.process.Start(); err != nil {
		d.t.Fatal(err)
	}
	process := d.process
	d.t.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
		if d.t.Failed() {
			log, _ := os.ReadFile(filepath.Join(d.dir, "log"))
			d.t.Logf("lircd's log:\n%s", log)
		}
	})
	eventually(d.t, "lircd takes connections", func() bool {
		conn, err := net.Dial("unix", d.path)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (d *daemon) client() *Client {
	c := NewClient(Address{Network: "unix", Host: d.path})
	d.t.Cleanup(func() { c.Close() })
	return c
}

// sent are the transmissions in the file that lircd wrote, the newest last.
func (d *daemon) sent() []infrared.Frame {
	d.t.Helper()
	data, err := os.ReadFile(d.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	// The file driver writes the remote's gap after each transmission.
	frames, err := ReadMode2(strings.NewReader(string(data)))
	if err != nil {
		d.t.Fatal(err)
	}
	return frames
}

func confOf(t *testing.T, r Remote) string {
	t.Helper()
	var text strings.Builder
	if err := r.Write(&text, "for a test"); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func TestARealLircdSendsWhatOurProfilesSay(t *testing.T) {
	all := ""
	var profiles []infrared.Profile
	for _, name := range infrared.Names() {
		profile, err := infrared.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := FromProfile(profile, "my-"+name)
		if err != nil {
			t.Logf("not for lircd: %v", err)
			continue
		}
		all += confOf(t, r)
		profiles = append(profiles, profile)
	}
	d := newDaemon(t, all)
	d.start()
	c, ctx := d.client(), t.Context()
	if remotes, err := c.Remotes(ctx); err != nil || len(remotes) != len(profiles) {
		t.Errorf("%v %v", remotes, err)
	}
	longest := time.Duration(0)
	for _, profile := range profiles {
		// The file read back is a profile too, whose frames name the keys.
		r, err := Find(d.conf, "my-"+profile.Name())
		if err != nil {
			t.Fatal(err)
		}
		keys, err := r.Profile()
		if err != nil {
			t.Fatal(err)
		}
		states := []infrared.State{{}}
		for _, setpoint := range []int{keys.Min(), 24, keys.Max()} { // lircd keeps the gap after each: all take half a minute
			states = append(states, infrared.State{Power: true, Setpoint: setpoint, Mode: infrared.ModeCool, Fan: infrared.FanAuto})
		}
		for _, state := range states {
			frame, err := keys.Encode(state, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := len(d.sent())
			began := time.Now()
			if err := c.Send(ctx, frame.Remote, frame.Keys[0]); err != nil {
				t.Fatal(err)
			}
			longest = max(longest, time.Since(began))
			sent := d.sent()
			if len(sent) != before+1 {
				t.Fatalf("%s %s: %d transmissions", profile.Name(), state, len(sent)-before)
			}
			if heard, _, err := profile.Decode(sent[before]); err != nil || heard != state {
				t.Errorf("%s: told %s, sent %s, %v", profile.Name(), state, heard, err)
			}
		}
	}
	t.Logf("%d remotes, the longest command took %s", len(profiles), longest)
}

// heads are remotes whose keys lircd computes; the test compares with what is computed here.
func heads() map[string]string {
	const nec = "bits 16\nheader 9000 4500\none 560 1690\nzero 560 560\nptrail 560\npre_data_bits 16\npre_data 0x10EF\n"
	return map[string]string{
		"plain":                   "flags SPACE_ENC\n" + nec + "gap 40000\n",
		"no flags":                nec + "gap 40000\n",
		"const length":            "flags SPACE_ENC|CONST_LENGTH\n" + nec + "gap 108000\n",
		"reverse":                 "flags SPACE_ENC|REVERSE\n" + nec + "gap 40000\n",
		"post data":               "flags SPACE_ENC\n" + nec + "post_data_bits 12\npost_data 0xA5C\ngap 40000\n",
		"pre and post":            "flags SPACE_ENC\n" + nec + "post_data_bits 4\npost_data 0x9\npre 600 4000\npost 700 5000\ngap 40000\n",
		"lead and foot":           "flags SPACE_ENC\n" + nec + "plead 300\nfoot 500 7000\ngap 40000\n",
		"repeated":                "flags SPACE_ENC\n" + nec + "gap 40000\nmin_repeat 2\n",
		"repeated, const":         "flags SPACE_ENC|CONST_LENGTH\n" + nec + "gap 108000\nmin_repeat 2\n",
		"repeated, small gap":     "flags SPACE_ENC\n" + nec + "gap 9000\nmin_repeat 2\n",
		"repeated without header": "flags SPACE_ENC|NO_HEAD_REP\n" + nec + "gap 40000\nmin_repeat 2\n",
		"repeated without foot":   "flags SPACE_ENC|NO_FOOT_REP\n" + nec + "foot 500 7000\ngap 40000\nmin_repeat 1\n",
		"a repeat code":           "flags SPACE_ENC\n" + nec + "repeat 9000 2250\ngap 40000\nmin_repeat 2\n",
		"a repeat code, const":    "flags SPACE_ENC|CONST_LENGTH\n" + nec + "repeat 9000 2250\ngap 108000\nmin_repeat 2\n",
		"a repeat with header":    "flags SPACE_ENC|REPEAT_HEADER\n" + nec + "plead 300\nrepeat 9000 2250\ngap 40000\nmin_repeat 1\n",
		"a repeat gap":            "flags SPACE_ENC\n" + nec + "repeat 9000 2250\nrepeat_gap 60000\ngap 40000\nmin_repeat 3\n",
		"const without header":    "flags SPACE_ENC|NO_HEAD_REP|CONST_LENGTH\n" + nec + "gap 108000\nmin_repeat 2\n",
	}
}

func TestARealLircdSendsWhatIsComputedForItsCodes(t *testing.T) {
	conf, names := "", slices.Sorted(func(yield func(string) bool) {
		for name := range heads() {
			if !yield(name) {
				return
			}
		}
	})
	for i, name := range names {
		conf += fmt.Sprintf("begin remote\nname r%d\neps 25\naeps 100\n%sbegin codes\nSET_18 0xD827\nPOWER_OFF 0x0001\nend codes\nend remote\n", i, heads()[name])
	}
	conf += "begin remote\nname raw\nflags RAW_CODES\ngap 40000\nmin_repeat 2\nbegin raw_codes\nname SET_18\n8500 4250 550 1600 550 550 550 550 550 1600 550\nname POWER_OFF\n8500 4250 550 550 550 550 550 1600 550\nend raw_codes\nend remote\n"
	d := newDaemon(t, conf)
	d.start()
	remotes, err := Load(d.conf)
	if err != nil {
		t.Fatal(err)
	}
	c, gap := d.client(), 0
	for i, r := range remotes {
		name := "raw"
		if i < len(names) {
			name = names[i]
		}
		for _, k := range r.Keys {
			before := d.all()
			if err := c.Send(t.Context(), r.Name, k.Name); err != nil {
				t.Fatal(err)
			}
			// The last length is the gap after it all, which is no part of the key.
			got := d.all()[len(before):]
			gap, got = got[len(got)-1], got[:len(got)-1]
			if !slices.Equal(got, k.Pulses) {
				t.Errorf("%s, %s (gap %d): lircd sends\n%v\ncomputed\n%v", name, k.Name, gap, got, k.Pulses)
			}
		}
	}
}

// all are the lengths that were ever sent.
func (d *daemon) all() []int {
	d.t.Helper()
	data, err := os.ReadFile(d.out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		d.t.Fatal(err)
	}
	var out []int
	for line := range strings.Lines(string(data)) {
		words, err := ParseMode2(line)
		if err != nil {
			d.t.Fatal(err)
		}
		for _, w := range words {
			out = append(out, w.Value())
		}
	}
	return out
}

func TestARealLircdsRefusalsAreTyped(t *testing.T) {
	d := newDaemon(t, airConditioner)
	d.start()
	c, ctx := d.client(), t.Context()
	if v, err := c.Version(ctx); err != nil || v == "" {
		t.Errorf("%q %v", v, err)
	}
	if keys, err := c.Keys(ctx, "my-ac"); err != nil || !slices.Equal(keys, []string{"SET_18", "SET_19", "POWER_OFF"}) {
		t.Errorf("%v %v", keys, err)
	}
	if err := c.Send(ctx, "other", "SET_18"); !errors.Is(err, ErrUnknownRemote) || !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
	if err := c.Send(ctx, "my-ac", "SET_99"); !errors.Is(err, ErrUnknownKey) || !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
	other := d.client()
	if _, err := other.ask(ctx, "SEND_START", "my-ac", "SET_18"); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(ctx, "my-ac", "SET_19"); !errors.Is(err, ErrBusy) || !errors.Is(err, fault.ErrRejected) {
		t.Errorf("%v", err)
	}
	if _, err := other.ask(ctx, "SEND_STOP", "my-ac", "SET_18"); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(ctx, "my-ac", "SET_19"); err != nil {
		t.Errorf("%v", err)
	}
}

func TestARealLircdWithoutASender(t *testing.T) {
	d := newDaemon(t, airConditioner)
	d.driver, d.device = "devinput", "/dev/null"
	d.start()
	if err := d.client().Send(t.Context(), "my-ac", "SET_18"); !errors.Is(err, ErrCannotSend) || !errors.Is(err, fault.ErrRejected) {
		t.Errorf("%v", err)
	}
}

func TestARealLircdThatIsRestartedKilledAndReloaded(t *testing.T) {
	d := newDaemon(t, airConditioner)
	d.start()
	c, ctx := d.client(), t.Context()
	send := func(key string) {
		t.Helper()
		if err := c.Send(ctx, "my-ac", key); err != nil {
			t.Fatal(err)
		}
	}
	send("SET_18")
	d.kill()
	if err := c.Send(ctx, "my-ac", "SET_18"); !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("killed: %v", err)
	}
	d.start()
	send("SET_18")

	// It reads its configuration again, while commands come and go.
	d.configure(strings.Replace(airConditioner, "SET_19", "SET_20", 1))
	d.signal(syscall.SIGHUP)
	for range 20 {
		send("SET_18")
	}
	eventually(t, "the new key", func() bool { return c.Send(ctx, "my-ac", "SET_20") == nil })
	if err := c.Send(ctx, "my-ac", "SET_19"); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("the old key: %v", err)
	}
	c.mu.Lock()
	if c.reloads != 1 {
		t.Errorf("%d reloads were told", c.reloads)
	}
	c.mu.Unlock()

	// It hangs, and is killed with a command in its hands.
	d.signal(syscall.SIGSTOP)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if err := c.Send(short, "my-ac", "SET_18"); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("hung: %v", err)
	}
	d.signal(syscall.SIGCONT)
	send("SET_18")
	d.signal(syscall.SIGSTOP)
	failed := make(chan error)
	go func() { failed <- c.Send(ctx, "my-ac", "SET_18") }()
	time.Sleep(20 * time.Millisecond) // the command is on its way; earlier or later is as good
	d.kill()
	if err := <-failed; !errors.Is(err, fault.ErrUnreachable) {
		t.Errorf("killed with a command: %v", err)
	}
	d.start()
	send("SET_18")
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	if err := d.process.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) kill() {
	d.t.Helper()
	d.signal(syscall.SIGKILL)
	_ = d.process.Wait()
}

// mode2 is a frame as lircd's file driver reads it.
func mode2(f infrared.Frame) string {
	var text strings.Builder
	text.WriteString("space 1000000\n")
	for i, us := range f.Pulses {
		fmt.Fprintf(&text, "%s %d\n", []string{"pulse", "space"}[i%2], us)
	}
	text.WriteString("space 200000\n")
	return text.String()
}

func TestARealLircdHears(t *testing.T) {
	lg, err := infrared.ByName("lg")
	if err != nil {
		t.Fatal(err)
	}
	r, err := FromProfile(lg, "my-lg")
	if err != nil {
		t.Fatal(err)
	}
	d := newDaemon(t, confOf(t, r))
	d.start()
	c, ctx := d.client(), t.Context()
	if err := c.Connect(ctx); err != nil {
		t.Fatal(err)
	}
	_, cursor := c.Heard(-1)
	input := filepath.Join(d.dir, "in.txt")
	key, _ := r.Key("SET_24")
	if err := os.WriteFile(input, []byte(mode2(infrared.Frame{Pulses: key.Pulses})), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ask(ctx, "DRV_OPTION", "set-infile", input); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is heard", func() bool { heard, _ := c.Heard(cursor); return len(heard) > 0 })
	heard, _ := c.Heard(cursor)
	if heard[0] != (Broadcast{Remote: "my-lg", Key: "SET_24"}) {
		t.Errorf("%+v", heard)
	}
}
