package plan_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// world is two equal boxes, a and b, and one image of 10 MiB for everything.
func world() plan.Observed {
	box := plan.Box{Reachable: true, OS: "linux", Arch: "amd64", CPUs: 1, MemoryBytes: 100 * mib, FreeDisk: 25 * mib}
	a, b := box, box
	a.Name, b.Name = "a", "b"
	return plan.Observed{Boxes: []plan.Box{a, b}, Images: []plan.Image{image("one"), image("two")}}
}

func image(ref string) plan.Image {
	return plan.Image{Ref: ref, Digest: "sha256:index-" + ref, Platforms: []plan.Platform{{Arch: "amd64", Digest: "sha256:" + ref, SizeBytes: 10 * mib}}}
}

func service(functions ...spec.Function) spec.Service {
	return spec.Service{
		Name:  "s",
		Boxes: []spec.Box{{Name: "a", Address: "10.0.0.1"}, {Name: "b", Address: "10.0.0.2"}}, Functions: functions,
	}
}

func function(name string, change func(*spec.Function)) spec.Function {
	f := spec.Function{Name: name, Image: "one", Replicas: 1}
	if change != nil {
		change(&f)
	}
	return f
}

func on(box string) []spec.Constraint {
	return []spec.Constraint{{Key: "node.hostname", Op: "==", Value: box}}
}

func placement(t *testing.T, p plan.Plan, function string) plan.Placement {
	t.Helper()
	for _, one := range p.Placements {
		if one.Function == function {
			return one
		}
	}
	require.Fail(t, "not placed", function)
	return plan.Placement{}
}

func TestARunningFunctionMovesOnlyWhenANewOneFitsNowhereElse(t *testing.T) {
	o := world()
	o.Boxes[0].Containers = []plan.Container{{ID: "1", Name: "s-movable-1", Service: "s", Function: "movable", Replica: 1, State: "running"}}
	movable := function("movable", func(f *spec.Function) { f.Resources.CPUs = 1 })

	p, err := plan.Make(service(movable, function("new", nil)), o)
	require.NoError(t, err)
	require.Equal(t, "a", placement(t, p, "movable").Box)

	pinned := function("new", func(f *spec.Function) { f.Resources.CPUs = 0.5; f.Constraints = on("a") })
	p, err = plan.Make(service(movable, pinned), o)
	require.NoError(t, err)
	require.Equal(t, "b", placement(t, p, "movable").Box)
	require.Equal(t, "moves here from a: cpus: need 1, have 0.5 free of 1", placement(t, p, "movable").Cause)
	require.Equal(t, []plan.Removal{{Box: "a", Container: "s-movable-1", ID: "1", Cause: "movable 1 is on b now"}}, p.Removals)
}

func TestAnImageTakesItsDiskOnceAndTryingABoxTakesNone(t *testing.T) {
	o := world() // 25 MiB free: exactly one image of 10 MiB
	joined := func(f *spec.Function) {
		f.DataIO, f.Constraints = true, on("a")
		f.Consumes = []spec.Edge{{Function: "source", Port: 1}}
	}
	_, err := plan.Make(service(function("source", nil), function("drain", joined), function("third", func(f *spec.Function) { f.Constraints = on("a") })), o)
	require.NoError(t, err)

	other := function("third", func(f *spec.Function) { f.Image, f.Constraints = "two", on("a") })
	_, err = plan.Make(service(function("source", nil), function("drain", joined), other), o)
	require.ErrorIs(t, err, plan.ErrNoBox)

	o.Boxes[0].FreeDisk = 50 * mib // both images: what was tried must have been given back
	_, err = plan.Make(service(function("source", nil), function("drain", joined), other), o)
	require.NoError(t, err)
	o.Boxes[0].FreeDisk = -1 // unknown
	_, err = plan.Make(service(function("source", nil), function("drain", joined), other), o)
	require.NoError(t, err)
}

func TestCapacityIsUsedToTheLastByte(t *testing.T) {
	exactly := func(bytes int64) spec.Function {
		return function("f", func(f *spec.Function) { f.Resources.MemoryBytes, f.Constraints = bytes, on("a") })
	}
	_, err := plan.Make(service(exactly(100*mib)), world())
	require.NoError(t, err)
	_, err = plan.Make(service(exactly(100*mib+1)), world())
	require.ErrorIs(t, err, plan.ErrNoBox)

	tenths := function("f", func(f *spec.Function) { f.Replicas, f.Resources.CPUs, f.Constraints = 10, 0.1, on("a") })
	_, err = plan.Make(service(tenths), world())
	require.NoError(t, err, "ten times 0.1 CPUs are one CPU")
}

func TestAPickedPortStaysWhenItsOwnNumberBecomesFree(t *testing.T) {
	o := world()
	client := function("client", func(f *spec.Function) { f.Consumes = []spec.Edge{{Function: "server", Port: 7000}} })
	server := function("server", func(f *spec.Function) { f.Constraints = on("a") })
	o.Boxes[0].Containers = []plan.Container{{ID: "x", Name: "foreign", State: "running", Ports: []spec.Port{{Container: 1, Host: 7000}}}}
	before, err := plan.Make(service(client, server), o)
	require.NoError(t, err)
	picked := placement(t, before, "server").Ports[0]
	require.GreaterOrEqual(t, picked.Host, 20000)
	require.LessOrEqual(t, picked.Host, 29999)

	one := placement(t, before, "server")
	o.Boxes[0].Containers = []plan.Container{{ID: "1", Name: one.Container, Service: "s", Function: "server", Replica: 1, SpecHash: one.SpecHash, State: "running", Ports: one.Ports}}
	after, err := plan.Make(service(client, server), o)
	require.NoError(t, err)
	require.Equal(t, plan.ActionKeep, placement(t, after, "server").Action)
	require.Equal(t, picked, placement(t, after, "server").Ports[0])
}

func TestAnUnhealthyContainerIsReplacedByItsID(t *testing.T) {
	o := world()
	before, err := plan.Make(service(function("f", nil)), o)
	require.NoError(t, err)
	one := placement(t, before, "f")
	for health, replaces := range map[string]string{"unhealthy": "1", "healthy": "", "starting": "", "": ""} {
		o.Boxes[0].Containers = []plan.Container{{ID: "1", Name: one.Container, Service: "s", Function: "f", Replica: 1, SpecHash: one.SpecHash, State: "running", Health: health}}
		after, err := plan.Make(service(function("f", nil)), o)
		require.NoError(t, err)
		require.Equal(t, replaces, placement(t, after, "f").Replaces, health)
		require.Equal(t, replaces == "", before.Hash == after.Hash, "what disturbs is another plan")
		require.Equal(t, one.SpecHash, placement(t, after, "f").SpecHash)
	}
}

func TestAConsumerUsesTheAddressThatWorksWhereItIs(t *testing.T) {
	client := function("client", func(f *spec.Function) {
		f.Constraints, f.Consumes = on("a"), []spec.Edge{{Function: "server", Port: 7000}}
		f.Environment = []spec.Variable{{Name: "SERVER", Value: "{{server.host}}:{{server.port}}"}}
	})
	cases := []struct {
		name, address, serverBox string
		process                  bool
		networks                 []string
		want, probe              string
		extra                    []string
	}{
		{"another real box: its address, the name is an extra host", "10.0.0.1", "b", false, nil, "10.0.0.2:7000", "server:7000", []string{"server:10.0.0.2"}},
		{"the same real box and network: its address, the network has the name", "10.0.0.1", "a", false, []string{"net"}, "10.0.0.1:7000", "server:7000", nil},
		{"the same real box, no common network: its address, the name is an extra host", "10.0.0.1", "a", false, nil, "10.0.0.1:7000", "server:7000", []string{"server:10.0.0.1"}},
		{"the same real box on loopback: the name, loopback is the container itself", "127.0.0.1", "a", false, []string{"net"}, "server:7000", "server:7000", nil},
		{"a process box: loopback is right, and there are no names", "127.0.0.1", "a", true, []string{"net"}, "127.0.0.1:7000", "127.0.0.1:7000", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := function("server", func(f *spec.Function) { f.Constraints, f.Networks = on(c.serverBox), c.networks })
			client := client
			client.Networks = c.networks
			s, o := service(client, server), world()
			s.Boxes[0].Address = c.address
			o.Boxes[0].Process = c.process
			p, err := plan.Make(s, o)
			require.NoError(t, err)
			one := placement(t, p, "client")
			require.Contains(t, one.Environment, spec.Variable{Name: "SERVER", Value: c.want})
			require.Equal(t, c.extra, one.ExtraHosts)
			require.Empty(t, one.Forwards)
			require.Equal(t, []plan.Probe{{Consumer: "client", Replica: 1, Box: "a", Provider: "server", Address: c.probe}}, p.Probes)
		})
	}
}

func TestTheSpecificationHashChangesWithWhatNeedsANewContainer(t *testing.T) {
	hash := func(change func(*spec.Function), world plan.Observed) string {
		p, err := plan.Make(service(function("f", change)), world)
		require.NoError(t, err)
		return p.Placements[0].SpecHash
	}
	base := hash(nil, world())
	require.Len(t, base, 16)
	changes := map[string]func(*spec.Function){
		"command":     func(f *spec.Function) { f.Command = []string{"x"} },
		"environment": func(f *spec.Function) { f.Environment = []spec.Variable{{Name: "A", Value: "1"}} },
		"mounts":      func(f *spec.Function) { f.Mounts = []spec.Mount{{Kind: "volume", Source: "v", Target: "/v"}} },
		"ports":       func(f *spec.Function) { f.Ports = []spec.Port{{Container: 80}} },
		"health":      func(f *spec.Function) { f.Healthcheck = &spec.Healthcheck{Test: []string{"CMD", "/x"}} },
		"image":       func(f *spec.Function) { f.Image = "two" },
		"limits":      func(f *spec.Function) { f.Resources.LimitMemoryBytes = mib },
	}
	for name, change := range changes {
		require.NotEqual(t, base, hash(change, world()), name)
	}
	same := world()
	same.Images[0].Digest = "sha256:another-index" // of which this platform's manifest is the same
	same.Boxes[0].FreeDisk *= 2
	require.Equal(t, base, hash(func(f *spec.Function) { f.Prefer = []spec.Variable{{Name: "x"}} }, same))
}
