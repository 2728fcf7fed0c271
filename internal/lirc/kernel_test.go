//go:build integration && linux && amd64

package lirc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
	"github.com/overcloud/overcloud/internal/lirc/lirctest"
)

// These tests boot a real Linux kernel of Debian's in qemu, with this very test program as its first process and the
// kernel's infrared loopback (rc-loopback) as the device: what is written to /dev/lirc0 comes out of it again.
//
// The kernel and its modules are looked for under $OVERCLOUD_KERNEL, then .overcloud/kernel (where .ci/run puts them),
// then /.

// result is what the guest says last.
const result = "the guest's tests end with "

func TestMain(m *testing.M) {
	if os.Getpid() != 1 {
		os.Exit(m.Run())
	}
	code := 1
	if err := guest(); err != nil {
		fmt.Println("the guest cannot begin:", err)
	} else {
		code = m.Run()
	}
	fmt.Printf("%s%d\n", result, code)
	_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	select {} // a first process that ends is a panic
}

// guest makes the kernel's device.
func guest() error {
	if err := unix.Mount("dev", "/dev", "devtmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount /dev: %w", err)
	}
	for _, pattern := range []string{"/rc-core.ko*", "/rc-loopback.ko*"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) != 1 {
			return fmt.Errorf("module %s: %v %w", pattern, found, err)
		}
		file, err := os.Open(found[0])
		if err != nil {
			return err
		}
		flags := 0
		if filepath.Ext(found[0]) != ".ko" {
			flags = unix.MODULE_INIT_COMPRESSED_FILE
		}
		if err := unix.FinitModule(int(file.Fd()), "", flags); err != nil {
			return fmt.Errorf("load %s: %w", found[0], err)
		}
		file.Close()
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat("/dev/lirc0"); err == nil {
			return nil
		}
	}
	return errors.New("there is no /dev/lirc0")
}

func TestAKernelsOwnDevice(t *testing.T) {
	qemu, err := exec.LookPath("qemu-system-x86_64")
	if err != nil {
		t.Skip("qemu-system-x86_64 is not installed (Debian's package qemu-system-x86): no real /dev/lirc0 to try")
	}
	kernel, modules := kernelFiles(t)
	dir := t.TempDir()
	program, initramfs := filepath.Join(dir, "init"), filepath.Join(dir, "initramfs")
	build := exec.Command("go", "test", "-c", "-tags", "integration", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the guest: %v\n%s", err, out)
	}
	if err := pack(initramfs, append([]string{program}, modules...)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Second)
	defer cancel()
	run := exec.CommandContext(ctx, qemu, "-nodefaults", "-display", "none", "-serial", "stdio", "-no-reboot", "-accel", "tcg", "-m", "512",
		"-kernel", kernel, "-initrd", initramfs, "-append", "console=ttyS0 quiet loglevel=1 panic=-1 -- -test.v -test.run=^TestInTheGuest")
	began := time.Now()
	out, err := run.CombinedOutput()
	t.Logf("%s for\n%s", time.Since(began).Round(time.Second), out)
	if err != nil || !bytes.Contains(out, []byte(result+"0")) || !bytes.Contains(out, []byte("--- PASS: TestInTheGuest")) {
		t.Errorf("the guest failed: %v", err)
	}
}

// kernelFiles finds a kernel and the two modules that fit it.
func kernelFiles(t *testing.T) (kernel string, modules []string) {
	t.Helper()
	for _, root := range []string{os.Getenv("OVERCLOUD_KERNEL"), "../../.overcloud/kernel", "/"} {
		kernels, err := filepath.Glob(filepath.Join(root, "boot/vmlinuz-*"))
		if root == "" || err != nil {
			continue
		}
		for _, kernel := range kernels {
			version := strings.TrimPrefix(filepath.Base(kernel), "vmlinuz-")
			var found []string
			for _, module := range []string{"rc-core", "rc-loopback"} {
				paths, _ := filepath.Glob(filepath.Join(root, "*/lib/modules", version, "kernel/drivers/media/rc", module+".ko*"))
				more, _ := filepath.Glob(filepath.Join(root, "lib/modules", version, "kernel/drivers/media/rc", module+".ko*"))
				found = append(found, append(paths, more...)[:min(1, len(paths)+len(more))]...)
			}
			if len(found) == 2 {
				return kernel, found
			}
		}
	}
	t.Skip("no kernel with rc-loopback is here (Debian's linux-image-amd64, see .ci/run): no real /dev/lirc0 to try")
	return "", nil
}

// pack writes the files into an initramfs, a gzipped cpio archive of the form "newc".
func pack(path string, files []string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	zip, err := gzip.NewWriterLevel(file, gzip.BestSpeed)
	if err != nil {
		return err
	}
	add := func(name string, mode, major, minor int, data []byte) error {
		header := fmt.Sprintf("070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
			0, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(name)+1, 0)
		text := header + name + "\x00"
		text += strings.Repeat("\x00", (4-len(text)%4)%4)
		_, err := io.WriteString(zip, text)
		return errors.Join(err, write(zip, data), write(zip, make([]byte, (4-len(data)%4)%4)))
	}
	err = errors.Join(add("dev", 0o040755, 0, 0, nil), add("dev/console", 0o020600, 5, 1, nil))
	for _, from := range files {
		data, readErr := os.ReadFile(from)
		err = errors.Join(err, readErr, add(filepath.Base(from), 0o100755, 0, 0, data))
	}
	return errors.Join(err, add("TRAILER!!!", 0, 0, 0, nil), zip.Close())
}

func write(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

const loop = "/dev/lirc0"

func inGuest(t *testing.T) {
	t.Helper()
	if os.Getpid() != 1 {
		t.Skip("this part runs in the kernel that TestAKernelsOwnDevice boots")
	}
}

func TestInTheGuestTheDeviceSaysWhatItCan(t *testing.T) {
	inGuest(t)
	port, err := lirc.OpenDevice(loop)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	features, err := lirc.GetFeatures(port)
	if err != nil || !features.Has(lirc.CanSendPulse|lirc.CanSetCarrier|lirc.CanSetDuty|lirc.CanHear) {
		t.Errorf("%s %v", features, err)
	}
	t.Logf("%08x: %s", uint32(features), features)
}

// The stand-in of the other tests has to answer as the kernel does.
func TestInTheGuestTheKernelAnswersAsTheStandIn(t *testing.T) {
	inGuest(t)
	real, err := lirc.OpenDevice(loop)
	if err != nil {
		t.Fatal(err)
	}
	defer real.Close()
	device := &lirctest.Device{Features: sender | lirc.CanHear}
	standIn, err := device.Open("")
	if err != nil {
		t.Fatal(err)
	}
	pulses := func(lengths ...int) []byte {
		var out []byte
		for _, us := range lengths {
			out = binary.NativeEndian.AppendUint32(out, uint32(us))
		}
		return out
	}
	for name, data := range map[string][]byte{
		"one mark":             pulses(500),
		"an even number":       pulses(500, 500),
		"nothing":              {},
		"half a number":        pulses(500)[:3],
		"a zero":               pulses(500, 0, 500),
		"exactly 500 ms":       pulses(40_000, 400_000, 40_000, 10_000, 10_000),
		"a microsecond more":   pulses(40_000, 400_000, 40_000, 10_000, 10_001),
		"1023 lengths":         pulses(slices.Repeat([]int{100}, 1023)...),
		"1024 lengths":         pulses(slices.Repeat([]int{100}, 1024)...),
		"1025 lengths":         pulses(slices.Repeat([]int{100}, 1025)...),
		"a number that wraps":  pulses(500, 1<<32-1000, 500),
		"two that wrap in sum": pulses(500, 1<<31, 1<<31),
	} {
		n, err := real.Write(data)
		m, wanted := standIn.Write(data)
		if n != m || !errors.Is(err, wanted) {
			t.Errorf("%s: the kernel says %d, %v; the stand-in %d, %v", name, n, err, m, wanted)
		}
	}
	for name, c := range map[string]struct{ request, value uint32 }{
		"send pulses": {0x40046911, 2}, "send raw": {0x40046911, 1}, "hear mode2": {0x40046912, 4}, "hear raw": {0x40046912, 1},
		"carrier": {0x40046913, 38_000}, "duty 0": {0x40046915, 0}, "duty 33": {0x40046915, 33}, "duty 100": {0x40046915, 100},
		"timeout reports": {0x40046919, 1}, "no such request": {0x400469ff, 1},
	} {
		one, other := c.value, c.value
		err, wanted := real.Ioctl(uint(c.request), &one), standIn.Ioctl(uint(c.request), &other)
		if !errors.Is(err, wanted) {
			t.Errorf("%s: the kernel says %v; the stand-in %v", name, err, wanted)
		}
	}
}

func TestInTheGuestEveryRemoteIsSentAndHeard(t *testing.T) {
	inGuest(t)
	heard, ready := make(chan infrared.Frame, 100), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- lirc.Listen(ctx, lirc.OpenDevice, loop, func() { close(ready) }, func(f infrared.Frame) { heard <- f })
	}()
	<-ready
	for _, name := range infrared.Names() {
		profile, err := infrared.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		frame := frameOf(t, name, 25)
		parts, err := frame.Parts()
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := (lirc.Transmitter{Path: loop, Duty: 33, Open: lirc.OpenDevice}).Send(t.Context(), frame); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		took := time.Since(began)
		if took < frame.Duration()-10*time.Millisecond {
			t.Errorf("%s: sent in %s, but it lasts %s", name, took, frame.Duration())
		}
		if slices.ContainsFunc(parts, func(p infrared.Part) bool { return len(p.Pulses) > 500 }) {
			// The loopback gives all at once to a queue of 512; real receivers bring one length after another.
			t.Logf("%s: %d lengths sent in %s; too many for the loopback's queue", name, len(frame.Pulses), took)
			for len(heard) > 0 {
				<-heard
			}
			time.Sleep(300 * time.Millisecond)
			continue
		}
		// The loopback feigns a long silence after each write, so parts are heard one by one.
		var back []int
		for i := range parts {
			select {
			case f := <-heard:
				if i > 0 {
					back = append(back, int(parts[i-1].Pause.Microseconds()))
				}
				back = append(back, f.Pulses...)
			case <-time.After(5 * time.Second):
				t.Fatalf("%s: part %d was not heard", name, i+1)
			}
		}
		state, code, err := profile.Decode(infrared.Frame{CarrierHz: frame.CarrierHz, Pulses: back})
		if err != nil || state.Setpoint != 25 || code != frame.Code {
			t.Errorf("%s: %v %v %v", name, state, code, err)
		}
		t.Logf("%s: %d lengths in %d part(s), sent in %s (%s of light), heard as %s", name, len(frame.Pulses), len(parts), took.Round(time.Millisecond), frame.Duration(), state)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestInTheGuestALongFrameIsHeardInItsParts(t *testing.T) {
	inGuest(t)
	heard, ready := make(chan infrared.Frame, 10), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- lirc.Listen(ctx, lirc.OpenDevice, loop, func() { close(ready) }, func(f infrared.Frame) { heard <- f })
	}()
	<-ready
	began := time.Now()
	if err := (lirc.Transmitter{Path: loop, Open: lirc.OpenDevice}).Send(t.Context(), long()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s of light in %s", long().Duration(), time.Since(began))
	parts, err := long().Parts()
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	for _, part := range parts {
		select {
		case f := <-heard:
			if !slices.Equal(f.Pulses, part.Pulses) {
				t.Errorf("%d lengths were heard, not %d", len(f.Pulses), len(part.Pulses))
			}
		case <-time.After(5 * time.Second):
			t.Fatal("not heard")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestInTheGuestTwoSendersTakeTurns(t *testing.T) {
	inGuest(t)
	failed := make(chan error)
	began := time.Now()
	for range 2 {
		go func() { failed <- lirc.Transmitter{Path: loop, Open: lirc.OpenDevice}.Send(t.Context(), long()) }()
	}
	for range 2 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if took := time.Since(began); took < 2*long().Duration() {
		t.Errorf("two frames of %s were sent in %s: they mixed", long().Duration(), took)
	}
}

func TestInTheGuestTheCarrierAndTheRangeAreTheKernels(t *testing.T) {
	inGuest(t)
	port, err := lirc.OpenDevice(loop)
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if _, err := port.Write([]byte{1, 0}); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("%v", err)
	}
	frame := frameOf(t, "lg", 20)
	frame.CarrierHz = 36_000
	if err := (lirc.Transmitter{Path: loop, Open: lirc.OpenDevice}).Send(t.Context(), frame); err != nil {
		t.Errorf("%v", err)
	}
	if err := (lirc.Transmitter{Path: "/dev/lirc9", Open: lirc.OpenDevice}).Send(t.Context(), frame); err == nil {
		t.Error("there is no /dev/lirc9")
	}
}
