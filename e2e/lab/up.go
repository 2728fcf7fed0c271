package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/software"
)

// settings are the flags of up.
type settings struct {
	name         string
	boxes        int
	plain        bool
	foreground   bool
	disks        []string
	driver       string
	publish      string
	version      string
	user, secret string
	software     bool
	child        bool
}

func newUp() *cobra.Command {
	s := settings{}
	up := &cobra.Command{
		Use:   "up",
		Short: "Start a lab and print its addresses; it runs on in the background",
		Example: `  go run ./e2e/lab up --boxes 2
  go run ./e2e/lab up --boxes 3 --name mine --disk box2=256MB --publish .overcloud/bin
  go run ./e2e/lab up --publish .overcloud/bin --software   # all that specs/web-app-db and specs/apache-kafka need
  go run ./e2e/lab up --foreground          # until Ctrl-C`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if s.foreground || s.child {
				return serve(c.Context(), s, c.OutOrStdout())
			}
			return detach(c.Context(), c.OutOrStdout())
		},
	}
	flags := up.Flags()
	flags.StringVar(&s.name, "name", defaultName, "name of the lab")
	flags.IntVar(&s.boxes, "boxes", 2, "how many boxes")
	flags.BoolVar(&s.plain, "plain", false, "engines without TLS, open to everybody in the lab")
	flags.BoolVar(&s.foreground, "foreground", false, "stay, and take the lab down on Ctrl-C")
	flags.StringArrayVar(&s.disks, "disk", nil, "give a box a disk of its own: box2=256MB (repeatable; it is memory)")
	flags.StringVar(&s.driver, "storage-driver", "", "storage driver of the engines (default: what dockerd chooses)")
	flags.StringVar(&s.publish, "publish", "", "push OverCloud's own images from this folder of binaries (.overcloud/bin)")
	flags.BoolVar(&s.software, "software", false, "assemble nginx, Adminer, PostgreSQL and Kafka from Debian's packages and Maven Central's jars, and push them (minutes at first; kept in the user's cache)")
	flags.StringVar(&s.version, "version", "dev", "tag of the published images")
	flags.StringVar(&s.user, "user", "lab", "user of the locked registry")
	flags.StringVar(&s.secret, "password", "secret", "password of the locked registry")
	flags.BoolVar(&s.child, "child", false, "")
	flags.Lookup("child").Hidden = true
	return up
}

func (s settings) options() (lab.Options, error) {
	o := lab.Options{
		Name: s.name, Boxes: s.boxes, Plain: s.plain, StorageDriver: s.driver, User: s.user, Password: s.secret,
		Disk: map[string]int64{},
	}
	for _, one := range s.disks {
		box, size, ok := strings.Cut(one, "=")
		bytes, err := parseBytes(size)
		if !ok || err != nil {
			return o, fmt.Errorf("--disk %s: say BOX=SIZE, as box2=256MB", one)
		}
		o.Disk[box] = bytes
	}
	return o, nil
}

// parseBytes reads 256MB, 2GB or a number of bytes.
func parseBytes(text string) (int64, error) {
	unit := int64(1)
	for suffix, value := range map[string]int64{"MB": 1 << 20, "GB": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			text, unit = rest, value
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return n * unit, err
}

// serve runs the lab until ctx ends.
func serve(ctx context.Context, s settings, out io.Writer) error {
	o, err := s.options()
	if err != nil {
		return err
	}
	l, err := lab.New(ctx, o)
	if err != nil {
		return err
	}
	return errors.Join(stay(ctx, l, s, out), l.Close())
}

// stay publishes, shows and waits.
func stay(ctx context.Context, l *lab.Lab, s settings, out io.Writer) error {
	if s.publish != "" {
		if _, err := l.Publish(ctx, s.version, s.publish); err != nil {
			return err
		}
	}
	if s.software {
		if err := pushSoftware(ctx, l); err != nil {
			return err
		}
	}
	if err := show(out, l.Name()); err != nil {
		return err
	}
	if s.child {
		if err := fallSilent(); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return nil
}

// pushSoftware assembles the images of the example specifications.
func pushSoftware(ctx context.Context, l *lab.Lab) error {
	cache, err := os.UserCacheDir()
	if err != nil {
		return fmt.Errorf("find a place for packages: %w", err)
	}
	builder := software.Builder{Cache: filepath.Join(cache, "overcloud-lab", "software")}
	return l.PushSoftware(ctx, builder, software.Recipes()...)
}

// fallSilent points stdout and stderr to nowhere: who waits for our words sees their end. Not closed, since the
// next file that is opened would become stderr.
func fallSilent() error {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	for _, fd := range []int{1, 2} {
		if err := unix.Dup3(int(null.Fd()), fd, 0); err != nil {
			return fmt.Errorf("leave the terminal: %w", err)
		}
	}
	return nil
}

// detach runs the same command line again as a background process of its own session, and passes on what it
// says until it is up or has failed.
func detach(ctx context.Context, out io.Writer) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	defer reader.Close()
	command := exec.CommandContext(context.WithoutCancel(ctx), self, append(os.Args[1:], "--child")...)
	// A session of its own keeps it away from the Ctrl-C of the shell that started it.
	command.Stdout, command.Stderr, command.SysProcAttr = writer, writer, &syscall.SysProcAttr{Setsid: true}
	err = command.Start()
	writer.Close()
	if err != nil {
		return fmt.Errorf("start the lab's process: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { command.Process.Signal(os.Interrupt) }) //nolint:errcheck // it is gone
	defer stop()
	words, err := io.ReadAll(reader)
	if err != nil {
		return fmt.Errorf("hear the lab's process: %w", err)
	}
	if text, failed := strings.CutPrefix(string(words), "lab: "); failed {
		command.Wait() //nolint:errcheck // its words say more
		return errors.New(strings.TrimSpace(text))
	}
	fmt.Fprint(out, string(words))
	return nil
}
