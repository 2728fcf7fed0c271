package plan_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// chain is a database on box a that a client on box b consumes, and both running; then a does not answer.
func chain(t *testing.T, change func(db *spec.Function)) (spec.Service, plan.Observed) {
	t.Helper()
	db := function("db", func(f *spec.Function) {
		f.Prefer = []spec.Variable{{Name: "disks"}}
		if change != nil {
			change(f)
		}
	})
	client := function("client", func(f *spec.Function) {
		f.Constraints = on("b")
		f.Consumes = []spec.Edge{{Function: "db", Port: 5432}}
		f.Environment = []spec.Variable{{Name: "DB", Value: "{{db.host}}:{{db.port}}"}}
	})
	s := service(client, db)
	s.Boxes[0].Labels = map[string]string{"disks": "fast"}
	o := world()
	first, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, "a", placement(t, first, "db").Box)
	o.Before = first.Placements
	runs(&o, first, 100)
	return s, o
}

// runs lets a plan run: its containers are there, created at a time.
func runs(o *plan.Observed, p plan.Plan, created int64) {
	for i := range o.Boxes {
		for _, one := range p.Placements {
			if one.Box == o.Boxes[i].Name {
				o.Boxes[i].Containers = append(o.Boxes[i].Containers, plan.Container{
					ID: one.Box + "-" + one.Container, Name: one.Container, Service: p.Service, Function: one.Function, Replica: one.Replica,
					SpecHash: one.SpecHash, State: "running", Ports: one.Ports, Created: created,
				})
				o.Boxes[i].Images = append(o.Boxes[i].Images, one.Manifest)
				for _, mount := range one.Mounts {
					o.Boxes[i].Volumes = append(o.Boxes[i].Volumes, mount.Source)
				}
			}
		}
	}
}

// lose takes box a away for some time.
func lose(o *plan.Observed, absent time.Duration) {
	o.Boxes[0] = plan.Box{Name: "a", Fault: "no answer", Absent: spec.Duration(absent)}
}

func withVolume(f *spec.Function) {
	f.Mounts = []spec.Mount{{Kind: "volume", Source: "data", Target: "/data"}}
}

func TestABoxThatJustWentAwayKeepsItsFunctions(t *testing.T) {
	s, o := chain(t, nil)
	lose(&o, 20*time.Second)
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	db := placement(t, p, "db")
	require.Equal(t, plan.ActionHold, db.Action)
	require.Equal(t, "a", db.Box)
	require.Equal(t, "a does not answer since 20s; moves after 1m", db.Cause)
	require.Equal(t, plan.ActionKeep, placement(t, p, "client").Action, "its consumer keeps its address")
	require.Zero(t, p.Changes())
	require.Empty(t, p.Probes, "nothing answers there")
	for _, pull := range p.Pulls {
		require.Equal(t, "b", pull.Box)
	}
	require.Equal(t, "db 1 on a: held there: a does not answer since 20s; moves after 1m", p.WhyNot("db", "a"))

	lose(&o, 30*time.Second)
	later, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, p.Hash, later.Hash, "time that passes is no other plan")
}

func TestALostBoxsFunctionsMove(t *testing.T) {
	s, o := chain(t, nil)
	s.Lost.After = spec.Duration(30 * time.Second)
	lose(&o, 75*time.Second)
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	db := placement(t, p, "db")
	require.Equal(t, plan.ActionCreate, db.Action)
	require.Equal(t, "b", db.Box)
	require.Equal(t, "moves here from a: a has not answered for 1m15s", db.Cause)
	require.Equal(t, plan.ActionReplace, placement(t, p, "client").Action, "its consumer learns the new address")
}

func TestDataOnALostBoxAreWaitedForUnlessAPersonLetsThemGo(t *testing.T) {
	s, o := chain(t, withVolume)
	lose(&o, time.Hour)
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, plan.ActionHold, placement(t, p, "db").Action)
	require.Equal(t, "a does not answer since 1h; waits for it, because its data are there (volume data)", placement(t, p, "db").Cause)
	require.Empty(t, p.Volumes, "nothing is made on a box that does not answer")

	s.Lost.Volumes = spec.VolumesMove
	p, err = plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, "b", placement(t, p, "db").Box)
	require.Equal(t, []plan.OnBox{{Box: "b", Name: "data"}}, p.Volumes)
}

func TestWhatFitsNowhereElseIsHeldAndTheRestIsMended(t *testing.T) {
	s, o := chain(t, func(f *spec.Function) { f.Resources.MemoryBytes = 90 * mib })
	o.Boxes[1].Containers = nil // the client has gone, too
	o.Boxes[1].MemoryBytes = 50 * mib
	lose(&o, time.Hour)
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, plan.ActionHold, placement(t, p, "db").Action)
	require.Equal(t, "a has not answered for 1h, and it fits no other box: b: memory: need 90 MiB, have 50 MiB free of 50 MiB", placement(t, p, "db").Cause)
	require.Equal(t, plan.ActionCreate, placement(t, p, "client").Action)
	require.Contains(t, p.WhyNot("db", "b"), "memory: need 90 MiB")
}

func TestAFunctionThatNeverRanIsNotHeld(t *testing.T) {
	s, o := chain(t, nil)
	s.Functions = append(s.Functions, function("new", func(f *spec.Function) { f.Constraints = on("a") }))
	lose(&o, time.Second)
	_, err := plan.Make(s, o)
	require.ErrorIs(t, err, plan.ErrNoBox)
	require.ErrorContains(t, err, "not reachable: no answer")
}

func TestAHeldPortIsNotGivenAway(t *testing.T) {
	s, o := chain(t, nil)
	s.Boxes[1].Address = s.Boxes[0].Address // two engines on one machine share its ports
	lose(&o, time.Second)
	s.Functions = append(s.Functions, function("other", func(f *spec.Function) {
		f.Ports = []spec.Port{{Container: 1, Host: 5432}}
	}))
	_, err := plan.Make(s, o)
	require.ErrorContains(t, err, "port: need 5432/tcp on 10.0.0.1, have it taken by db 1, planned on a")
}

func TestWhenABoxComesBackThePolicySaysWhichCopyStays(t *testing.T) {
	for policy, want := range map[string]struct{ box, gone, cause string }{
		"":                  {"b", "a", "a second copy of db 1, which runs on b (lost.return: replacement)"},
		spec.ReturnOriginal: {"a", "b", "a second copy of db 1, which runs on a (lost.return: original)"},
	} {
		s, o := chain(t, nil)
		s.Lost.Return = policy
		back := o.Boxes[0]
		lose(&o, time.Hour)
		moved, err := plan.Make(s, o)
		require.NoError(t, err)
		o.Before = moved.Placements
		o.Boxes[1].Containers = nil
		runs(&o, moved, 200)
		o.Boxes[0] = back
		p, err := plan.Make(s, o)
		require.NoError(t, err)
		require.Equal(t, want.box, placement(t, p, "db").Box)
		require.Equal(t, plan.ActionKeep, placement(t, p, "db").Action)
		require.Len(t, p.Removals, 1)
		require.Equal(t, want.gone, p.Removals[0].Box)
		require.Equal(t, want.cause, p.Removals[0].Cause)
	}
}

func TestFunctionsOfOneGroupWaitTogether(t *testing.T) {
	s, o := chain(t, withVolume)
	s.Functions[0].Constraints = nil
	s.Functions[0].DataIO = true
	o.Before, o.Boxes = nil, world().Boxes
	first, err := plan.Make(s, o)
	require.NoError(t, err)
	o.Before = first.Placements
	lose(&o, time.Hour)
	p, err := plan.Make(s, o)
	require.NoError(t, err)
	require.Equal(t, plan.ActionHold, placement(t, p, "client").Action)
	require.Contains(t, placement(t, p, "client").Cause, "goes with db: a does not answer since 1h")
}
