//go:build integration

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
	"github.com/overcloud/overcloud/internal/shed"
	"github.com/overcloud/overcloud/internal/spec"
	"github.com/overcloud/overcloud/internal/ssh/sshtest"
	"github.com/overcloud/overcloud/workflows"
)

// plug is a box's mains: what is asked for over SSH happens to the engine and the sshd, as it does to a whole machine.
type plug struct {
	stage  *stage
	box    string
	sshd   *sshtest.Server
	folder string
}

// watch pulls the plug when the file off appears, and puts it back for the file on.
func (p plug) watch(ctx context.Context) {
	for ctx.Err() == nil {
		time.Sleep(50 * time.Millisecond)
		if os.Remove(filepath.Join(p.folder, "off")) == nil {
			p.sshd.Stop()
			_ = p.stage.lab.Kill(ctx, p.box) // the test sees what came of it
		}
		if os.Remove(filepath.Join(p.folder, "on")) == nil {
			_ = p.stage.lab.Restart(ctx, p.box)
			p.sshd.Start()
		}
	}
}

// furnished is a service whose room gives up the function batch, then the box box2.
func (s *stage) furnished(one, two *sshtest.Server, folder string) spec.Service {
	image := labtest.Image(s.t, s.lab, lab.TestImage{Name: "furnace", Bytes: 1 << 20})
	batch := s.app("batch", image)
	batch.Replicas, batch.MaxPerBox = 2, 1
	service := s.service("furnace", batch, on("box1", s.app("base", image)), on("box2", s.app("shop", image)))
	service.Schedule = spec.Duration(10 * time.Second) // repairs that come all the time must leave it alone
	service.Boxes[0].SSH, service.Boxes[1].SSH = one.Access(), two.Access()
	sensor := func(id int) spec.Sensor {
		return spec.Sensor{ID: id, Source: fmt.Sprintf("simulated://hall/%d", id), Box: "box1"}
	}
	service.Rooms = []spec.Room{{
		Name: "hall", Boxes: []string{"box1", "box2"}, Policy: spec.DefaultPolicy(), Sensors: []spec.Sensor{sensor(1), sensor(2)},
		AirConditioners: []spec.AirConditioner{{Name: "ac1", Remote: "lg", Box: "box1", Transmitter: "simulated://ac1", Min: 18, Max: 30}},
		Shed: &spec.Shed{
			Within: spec.Duration(10 * time.Minute), StepEvery: spec.Duration(10 * time.Second), ResumeBelow: 26, ResumeAfter: spec.Duration(time.Minute),
			Order: []spec.ShedStep{
				{Function: "batch"},
				{Box: "box2", ShutDown: "touch " + folder + "/off", Wake: "touch " + folder + "/on", WakeFrom: "box1"},
			},
		},
	}}
	return service
}

// The last line of defence on real engines and a real sshd: rehearsed, then a room that goes on warming loses a function
// and a box, one after another, though repairs run each 10 s and the worker is killed in between; and all is back when
// the room is cool.
func TestHeatIsShedOnRealBoxes(t *testing.T) {
	one, two := sshtest.New(t), sshtest.New(t)
	trust(t, one, two)
	s := newStage(t, lab.Options{Boxes: 2}, "OVERCLOUD_SSH_KEY="+one.Key, "OVERCLOUD_SSH_KNOWN_HOSTS="+one.KnownHosts+":"+two.KnownHosts)
	folder := t.TempDir()
	service := s.furnished(one, two, folder)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		plug{s, "box2", two, folder}.watch(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	s.runs(service)

	out, code := s.starter("shed", "hall", "--service", "furnace", "--rehearse")
	t.Log("\n" + out)
	require.Zero(t, code, out)
	require.Contains(t, out, "would stop: 1 of 1 containers run on box1; 1 of 1 containers run on box2")
	require.Contains(t, out, "it would be shut down")
	require.Equal(t, 4, s.running(service), "a rehearsal stops nothing")

	began := time.Now()
	s.hot(27, true)
	s.shedUntil("batch is stopped", func(st workflows.ShedState) bool { return st.Steps[0].State == shed.Taken })
	t.Logf("batch stopped after %s", time.Since(began).Round(100*time.Millisecond))
	require.Equal(t, 2, s.running(service))
	s.killWorker()
	s.startWorker()
	s.hot(28, false)
	s.shedUntil("box2 is off", func(st workflows.ShedState) bool { return st.Steps[1].State == shed.Taken })
	t.Logf("box2 off after %s, the worker killed once", time.Since(began).Round(100*time.Millisecond))
	out, code = s.starter("shed", "hall", "--service", "furnace")
	t.Log("\n" + out)
	require.Zero(t, code)
	require.Contains(t, out, "neither its SSH nor its engine answers")
	status, err := s.client.Status(t.Context(), "furnace")
	require.NoError(t, err)
	require.Equal(t, "hall", status.Held[0].Room)

	out, code = s.starter("shed", "hall", "--service", "furnace", "--restore", "--why", "the test")
	require.Zero(t, code, out)
	final := s.shedUntil("all is back", func(st workflows.ShedState) bool { return st.Now == workflows.ShedOver })
	for _, step := range final.Steps {
		require.Equal(t, shed.Restored, step.State, "%+v", step)
	}
	require.Eventually(t, func() bool { return s.running(service) == 4 }, time.Minute, 200*time.Millisecond, "everything runs again")
	s.until("furnace", time.Minute, "it is healed again", func(st workflows.Status) bool { return len(st.Held) == 0 })
	require.Empty(t, s.down("furnace", true).Stayed)
}

// trust lets the key of the first sshd into the second.
func trust(t *testing.T, one, two *sshtest.Server) {
	t.Helper()
	public, err := os.ReadFile(one.Key + ".pub")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(two.Key), "authorized_keys"), public, 0o600))
}

// running counts the service's containers that run, helpers left out.
func (s *stage) running(service spec.Service) int {
	n := 0
	for _, box := range service.Boxes {
		client := labtest.Client(s.t, box)
		if _, err := client.Ping(s.t.Context()); err != nil {
			continue
		}
		for name, state := range s.containers(box, service.Name) {
			if state == "running" && !strings.Contains(name, "forward") {
				n++
			}
		}
	}
	return n
}

// hot tells how the room stands, as the control loop does.
func (s *stage) hot(inlet float64, begin bool) {
	threat := shed.Threat{At: time.Now(), Inlet: inlet, KMin: 0.5, Lost: true, ToGo: 8, Reason: fmt.Sprintf("inlet %.1f °C and rising", inlet)}
	require.NoError(s.t, s.client.Threaten(s.t.Context(), "furnace", "hall", threat, begin))
}

func (s *stage) shedUntil(what string, want func(workflows.ShedState) bool) workflows.ShedState {
	s.t.Helper()
	var last workflows.ShedState
	require.Eventually(s.t, func() bool {
		state, err := s.client.ShedState(s.t.Context(), workflows.ShedID("furnace", "hall"))
		last = state
		return err == nil && want(state)
	}, 2*time.Minute, 200*time.Millisecond, what)
	return last
}
