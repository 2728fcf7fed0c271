package docker

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/wire"
)

// FollowLog implements activities.Glasses.
func (e *Engines) FollowLog(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error {
	engine, err := e.engine(ask.Box)
	if err != nil {
		return err
	}
	found, err := engine.replica(ctx, ask)
	if err != nil {
		return err
	}
	full, err := engine.api.ContainerInspect(ctx, found.ID)
	if err != nil {
		return classify(ctx, err)
	}
	source := activities.LogSource{Container: found.ID, State: found.State}
	if full.ContainerJSONBase != nil && full.State != nil {
		source.State, source.ExitCode = full.State.Status, full.State.ExitCode
	}
	begun(source)
	options := container.LogsOptions{ShowStdout: true, ShowStderr: true, Timestamps: true, Follow: true, Tail: "all"}
	if ask.Tail >= 0 {
		options.Tail = strconv.Itoa(ask.Tail)
	}
	if !ask.Since.IsZero() {
		options.Since = ask.Since.UTC().Format(time.RFC3339Nano)
	}
	stream, err := engine.api.ContainerLogs(ctx, found.ID, options)
	if err != nil {
		return classify(ctx, err)
	}
	defer stream.Close()
	err = readLog(stream, full.Config != nil && full.Config.Tty, take)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("read the log of %s: %w", nameOf(found), classify(ctx, err))
	}
	return nil
}

// replica is the container of a replica: one that runs rather than one that has ended, then the newest.
func (e *Engine) replica(ctx context.Context, ask activities.LogAsk) (container.Summary, error) {
	match := ofService(ask.Service)
	match.Add("label", LabelFunction+"="+ask.Function)
	found, err := e.api.ContainerList(ctx, container.ListOptions{All: true, Filters: match})
	if err != nil {
		return container.Summary{}, classify(ctx, err)
	}
	found = slices.DeleteFunc(found, func(one container.Summary) bool {
		return one.Labels[LabelHelper] != "" || cmp.Or(number(one.Labels[LabelReplica]), slotOf(one.Labels)) != ask.Replica
	})
	if len(found) == 0 {
		return container.Summary{}, fmt.Errorf("box %s has no container of %s replica %d: %w", e.box.Name, ask.Function, ask.Replica, fault.ErrNotFound)
	}
	runs := func(one container.Summary) int {
		if one.State == container.StateRunning {
			return 1
		}
		return 0
	}
	return slices.MaxFunc(found, func(a, b container.Summary) int {
		return cmp.Or(cmp.Compare(runs(a), runs(b)), cmp.Compare(a.Created, b.Created))
	}), nil
}

// readLog takes a log apart. An engine sends each line as a frame that says its stream; a container with a terminal has
// one stream and no frames.
func readLog(stream io.Reader, terminal bool, take func(activities.LogEntry)) error {
	out, faults := &lines{stream: wire.StreamOut, take: take}, &lines{stream: wire.StreamErr, take: take}
	if !terminal {
		_, err := stdcopy.StdCopy(out, faults, stream)
		return err
	}
	reader := bufio.NewReaderSize(stream, 64<<10)
	for {
		line, err := reader.ReadSlice('\n')
		if len(line) > 0 {
			_, _ = out.Write(line) // it never fails
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
}

// lines takes frames of one stream. A line of more than 16 KiB comes in parts, of which only the last one has an end: the
// first one is shown.
type lines struct {
	stream string
	take   func(activities.LogEntry)
	within bool // a line whose first part was taken
}

// Write takes one frame: a time, a blank and the text.
func (l *lines) Write(frame []byte) (int, error) {
	text, whole := bytes.CutSuffix(frame, []byte("\n"))
	rest := l.within
	l.within = !whole
	if rest {
		return len(frame), nil
	}
	stamp, text, _ := bytes.Cut(text, []byte(" "))
	at, err := time.Parse(time.RFC3339Nano, string(stamp))
	if err != nil {
		return len(frame), nil //nolint:nilerr // no line of a log: an engine's own word on it, say
	}
	l.take(activities.LogEntry{At: at, Stream: l.stream, Text: string(bytes.TrimSuffix(text, []byte("\r"))), Cut: !whole})
	return len(frame), nil
}
