package activities_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/activities/fakes"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/wire"
)

// follower is the activity over fakes: sink runs on rack-1 with a secret and a password in its environment.
type follower struct {
	t       *testing.T
	env     *testsuite.TestActivityEnvironment
	views   *activities.Views
	glasses *fakes.Glasses
	stream  *fakes.LogStream
	secrets fakes.Secrets
	in      activities.FollowInput
}

func newFollower(t *testing.T) *follower {
	suite := &testsuite.WorkflowTestSuite{}
	suite.SetLogger(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)))
	f := &follower{t: t, env: suite.NewTestActivityEnvironment(), glasses: &fakes.Glasses{}, stream: &fakes.LogStream{}}
	f.secrets = fakes.Secrets{"env:TOKEN": "s3cr\"t-token", "env:OTHER": "other-value"}
	f.views = &activities.Views{
		Glasses: f.glasses, Logs: f.stream, Secrets: f.secrets,
		Placements: fakes.Placements{"smart-energy": {
			Boxes: []spec.Box{{Name: "rack-1", Engine: "tcp://rack-1:2376"}},
			Placements: []activities.Whereabout{{
				Function: "sink", Replica: 1, Box: "rack-1", Uses: []string{"token"},
				Environment: []spec.Variable{{Name: "DB_PASSWORD", Value: "hunter22"}, {Name: "TOKEN_FILE", Value: "/run/secrets/token"}},
			}},
			Secrets: []spec.Secret{{Name: "token", From: "env:TOKEN"}, {Name: "other", From: "env:OTHER"}, {Name: "gone", From: "env:GONE"}},
		}},
	}
	f.env.RegisterActivity(f.views)
	f.in = activities.FollowInput{Service: "smart-energy", Function: "sink", Replica: 1, Tail: 500, Until: time.Now().Add(time.Minute)}
	return f
}

func (f *follower) run() activities.LogCursor {
	f.t.Helper()
	value, err := f.env.ExecuteActivity(f.views.Follow, f.in)
	require.NoError(f.t, err)
	var cursor activities.LogCursor
	require.NoError(f.t, value.Get(&cursor))
	return cursor
}

// said are all lines that were published, with what was left out, and the notes.
func (f *follower) said() (lines []wire.LogLine, dropped int, notes []string) {
	for _, record := range f.stream.Records() {
		lines, dropped = append(lines, record.Lines...), dropped+record.Dropped
		if len(record.Lines) == 0 && record.Dropped == 0 {
			notes = append(notes, record.Note)
		}
	}
	return lines, dropped, notes
}

// writes is a log of these entries that then goes on without another one.
func writes(entries ...activities.LogEntry) func(context.Context, activities.LogAsk, func(activities.LogSource), func(activities.LogEntry)) error {
	return func(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error {
		begun(activities.LogSource{Container: "c1", State: "running"})
		for _, entry := range entries {
			if !entry.At.Before(ask.Since) {
				take(entry)
			}
		}
		<-ctx.Done()
		return ctx.Err()
	}
}

func entry(at time.Time, text string) activities.LogEntry {
	return activities.LogEntry{At: at, Stream: wire.StreamOut, Text: text}
}

func TestFollowPublishesLinesWithoutSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		at := time.Now()
		f.glasses.Write(writes(
			entry(at, "up"), entry(at, "up again"),
			entry(at.Add(time.Millisecond), `token s3cr"t-token, in JSON "s3cr\"t-token", other-value, hunter22, /run/secrets/token`),
			entry(at.Add(2*time.Millisecond), "\x1b[31mred\x1b[0m\tbell\a \xff"),
			entry(at.Add(3*time.Millisecond), strings.Repeat("x", wire.MostLogLineBytes+1)),
		))
		cursor := f.run()
		lines, dropped, notes := f.said()
		require.Zero(t, dropped)
		require.Equal(t, []string{""}, notes, "it says whose log it is")
		require.Len(t, lines, 5)
		require.Equal(t, []int{0, 1, 0, 0, 0}, []int{lines[0].N, lines[1].N, lines[2].N, lines[3].N, lines[4].N}, "one nanosecond, two lines")
		require.Equal(t, `token [secret token], in JSON "[secret token]", [secret other], [secret DB_PASSWORD], /run/secrets/token`, lines[2].Text)
		require.Equal(t, "red\tbell �", lines[3].Text)
		require.True(t, lines[4].Cut)
		require.Len(t, lines[4].Text, wire.MostLogLineBytes)
		require.Equal(t, activities.LogCursor{Box: "rack-1", At: at.Add(3 * time.Millisecond)}.At.UnixNano(), cursor.At.UnixNano())
		require.Equal(t, []string{"follow sink/1 on rack-1 tail 500"}, f.glasses.Lines())
		first := f.stream.Records()[0]
		require.Equal(t, []string{"rack-1", "c1"}, []string{first.Box, first.Container})
	})
}

func TestFollowGoesOnWhereADeadWorkerWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		at := time.Now().UTC()
		f.env.SetHeartbeatDetails(activities.LogCursor{Box: "rack-1", At: at.Add(10 * time.Second)})
		f.glasses.Write(writes(
			entry(at, "long ago"), entry(at.Add(9500*time.Millisecond), "of the last second"), entry(at.Add(10*time.Second), "the last one"), entry(at.Add(11*time.Second), "new")))
		f.run()
		lines, _, _ := f.said()
		require.Len(t, lines, 3, "what may come twice has its time, by which readers know it")
		require.Equal(t, "new", lines[2].Text)
		require.Equal(t, []string{"follow sink/1 on rack-1 tail -1 since " + at.Add(9*time.Second).Format("15:04:05")}, f.glasses.Lines())
	})
}

func TestFollowLeavesOutWhatNobodyCouldRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		f.glasses.Write(func(ctx context.Context, _ activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error {
			begun(activities.LogSource{Container: "c1", State: "running"})
			for second := range 10 {
				for i := range 10_000 {
					take(entry(time.Now().Add(time.Duration(i)), fmt.Sprintf("line %d of second %d", i, second)))
				}
				time.Sleep(time.Second)
			}
			<-ctx.Done()
			return ctx.Err()
		})
		f.run()
		lines, dropped, _ := f.said()
		require.Equal(t, 100_000, len(lines)+dropped, "each line came or is counted")
		require.InDelta(t, 1000+9*300, len(lines), 300)
	})
}

func TestFollowFindsAReplacedContainerAndSaysWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		at, tries := time.Now(), 0
		f.glasses.Write(func(ctx context.Context, ask activities.LogAsk, begun func(activities.LogSource), take func(activities.LogEntry)) error {
			tries++
			switch {
			case tries == 1:
				return fmt.Errorf("Cannot connect: %w", fault.ErrUnreachable)
			case tries < 5: // an engine gives the log of a container that has ended as often as it is asked
				begun(activities.LogSource{Container: "c1", State: "exited", ExitCode: 3})
				take(entry(at, "no such topic"))
				return nil
			}
			return writes(entry(at, "no such topic"), entry(at.Add(20*time.Second), "serving"))(ctx, ask, begun, take)
		})
		f.run()
		lines, _, notes := f.said()
		require.Equal(t, []string{
			"the log of sink on rack-1: Cannot connect: unreachable",
			"the container of sink on rack-1 is exited (exit code 3): these are its last lines", "",
		}, notes)
		require.Len(t, lines, 2, "what was said once is not said again")
	})
}

func TestFollowShowsNothingWhereASecretCannotBeBlankedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		delete(f.secrets, "env:TOKEN")
		f.glasses.Write(writes(entry(time.Now(), "s3cret")))
		f.run()
		lines, _, notes := f.said()
		require.Empty(t, lines)
		require.Equal(t, []string{"this log is not shown: secret token, which sink gets, cannot be read by the worker, so it cannot be blanked out"}, notes)
		require.Empty(t, f.glasses.Lines())
	})
}

func TestFollowWaitsForTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFollower(t)
		at := time.Now()
		f.stream.Away(true)
		f.glasses.Write(writes(entry(at, "one"), entry(at.Add(time.Second), "two")))
		time.AfterFunc(30*time.Second, func() {
			require.Empty(t, f.stream.Records())
			f.stream.Away(false)
		})
		f.run()
		lines, dropped, _ := f.said()
		require.Zero(t, dropped)
		require.Equal(t, []string{"one", "two"}, []string{lines[0].Text, lines[1].Text})
	})
}

func TestInspect(t *testing.T) {
	f := newFollower(t)
	look := func(service, box string) (activities.Inspection, error) {
		value, err := f.env.ExecuteActivity(f.views.Inspect, activities.InspectInput{Service: service, Box: box})
		var seen activities.Inspection
		if err == nil {
			require.NoError(t, value.Get(&seen))
		}
		return seen, err
	}
	seen, err := look("smart-energy", "rack-1")
	require.NoError(t, err, "a box that does not answer is an answer")
	require.False(t, seen.Reachable)
	require.Equal(t, "engine tcp://rack-1:2376: Cannot connect: unreachable", seen.Fault)
	f.glasses.See("rack-1", activities.Inspection{Engine: activities.EngineFacts{Version: "28.0"}})
	seen, err = look("smart-energy", "rack-1")
	require.NoError(t, err)
	require.True(t, seen.Reachable)
	require.Equal(t, "28.0", seen.Engine.Version)
	require.WithinDuration(t, time.Now(), seen.At, time.Minute)

	var application *temporal.ApplicationError
	_, err = look("smart-energy", "rack-9")
	require.ErrorAs(t, err, &application)
	require.Equal(t, activities.TypeNotFound, application.Type())
	require.Equal(t, "service smart-energy: it has no box rack-9: not found", application.Message())
	_, err = look("shop", "rack-1")
	require.ErrorAs(t, err, &application)
	require.Equal(t, activities.TypeNotFound, application.Type())
}
