//go:build integration

package lab_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/stretchr/testify/require"

	"github.com/overcloud/overcloud/internal/lab"
	"github.com/overcloud/overcloud/internal/lab/labtest"
)

// traces lists everything on this machine that belongs to the lab in a folder: files, devices, namespaces,
// firewall rules, mounts, control groups and processes (by command line, control group or network namespace).
func traces(t *testing.T, folder string, networks map[string]bool) (found []string) {
	t.Helper()
	number := filepath.Base(folder)
	look := func(kind, text string, words ...string) {
		for line := range strings.Lines(text) {
			for _, word := range words {
				if strings.Contains(line, word) {
					found = append(found, kind+": "+strings.TrimSpace(line))
					break
				}
			}
		}
	}
	bridge := "ovl" + number
	devices := []string{" " + bridge + ":", " " + bridge + "b"}
	look("device", command(t, "ip", "-o", "link"), devices...)
	look("namespace", "\n "+strings.ReplaceAll(command(t, "ip", "netns"), "\n", "\n "), " "+bridge+"b")
	look("firewall", command(t, "iptables-save"), " "+bridge+" ", " "+bridge+"b")
	mounts, err := os.ReadFile("/proc/mounts")
	require.NoError(t, err)
	look("mount", string(mounts), folder+"/", "/run/netns/"+bridge+"b")
	for _, pattern := range []string{"/sys/fs/cgroup/overcloud-lab-" + number, "/sys/fs/cgroup/*/overcloud-lab-" + number, folder} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		found = append(found, paths...)
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, process := range processes {
		line, _ := os.ReadFile(process + "/cmdline")
		groups, _ := os.ReadFile(process + "/cgroup")
		space, _ := os.Readlink(process + "/ns/net")
		if strings.Contains(string(line), folder+"/") || strings.Contains(string(groups), "/overcloud-lab-"+number+"/") || networks[space] {
			found = append(found, "process: "+process+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func command(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// networksOf are the network namespaces of a lab's boxes, as /proc names them.
func networksOf(t *testing.T, boxes []lab.BoxStatus) map[string]bool {
	t.Helper()
	spaces := map[string]bool{}
	for _, box := range boxes {
		space, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", box.Init.PID))
		require.NoError(t, err)
		spaces[space] = true
	}
	return spaces
}

func statusOf(t *testing.T, name string) lab.Status {
	t.Helper()
	labs, err := lab.List()
	require.NoError(t, err)
	for _, one := range labs {
		if one.Name == name {
			return one
		}
	}
	t.Fatalf("no lab %s among %v", name, labs)
	return lab.Status{}
}

// untidy leaves all that an engine can leave: a running container with limits and a published port, a network, a
// volume, and a disk of its own.
func untidy(t *testing.T, l *lab.Lab) {
	t.Helper()
	box := l.Boxes()[0]
	api := labtest.Client(t, box)
	app := l.Registry().Ref(labtest.Image(t, l, lab.TestImage{Name: "app"}))
	require.NoError(t, pull(t, api, app, image.PullOptions{}))
	_, err := api.NetworkCreate(t.Context(), "net", network.CreateOptions{Driver: "bridge"})
	require.NoError(t, err)
	made, err := api.ContainerCreate(t.Context(), &container.Config{Image: app}, &container.HostConfig{
		NetworkMode: "net", Binds: []string{"volume:/data"}, Resources: container.Resources{Memory: 32 << 20, NanoCPUs: 5e8},
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyAlways},
	}, nil, nil, "untidy")
	require.NoError(t, err)
	require.NoError(t, api.ContainerStart(t.Context(), made.ID, container.StartOptions{}))
}

func TestCloseLeavesNoTrace(t *testing.T) {
	l, err := lab.New(t.Context(), lab.Options{Boxes: 2, Disk: map[string]int64{"box1": 128 << 20}})
	require.NoError(t, err)
	defer l.Close()
	untidy(t, l)
	sleeper, err := l.Command(t.Context(), "box2", "sleep", "1000")
	require.NoError(t, err)
	require.NoError(t, sleeper.Start())
	networks := networksOf(t, statusOf(t, l.Name()).Boxes)
	before := strings.Join(traces(t, l.Folder(), networks), "\n")
	for _, kind := range []string{"device: ", "namespace: ", "firewall: ", "mount: ", "process: ", "/sys/fs/cgroup", l.Folder()} {
		require.Contains(t, before, kind, "the test sees what there is")
	}
	began := time.Now()
	require.NoError(t, l.Close())
	t.Logf("closed in %v", time.Since(began))
	require.Empty(t, traces(t, l.Folder(), networks))
	require.Error(t, sleeper.Wait(), "what ran in a box ended with it")
	require.NoError(t, l.Close(), "twice is well")
}

// ownerVariable makes this test binary the owner of a lab, to be killed.
const ownerVariable = "OVERCLOUD_TEST_LAB_OWNER"

func TestALabWhoseProcessIsKilledDiesAndIsSwept(t *testing.T) {
	if name := os.Getenv(ownerVariable); name != "" {
		l, err := lab.New(t.Context(), lab.Options{Name: name, Boxes: 2, Disk: map[string]int64{"box1": 128 << 20}})
		require.NoError(t, err)
		untidy(t, l)
		fmt.Println("up")
		select {}
	}
	name := fmt.Sprintf("killed-%d", os.Getpid())
	owner, said := ownedElsewhere(t, name)
	awaitLine(t, said, "up")
	status := statusOf(t, name)
	require.True(t, status.Alive && status.Ready)
	networks := networksOf(t, status.Boxes)

	require.NoError(t, owner.Process.Signal(syscall.SIGKILL))
	owner.Wait()
	require.False(t, statusOf(t, name).Alive)
	for _, box := range status.Boxes {
		eventually(t, "the box dies with its owner", func() bool { return !box.Init.Alive() })
	}
	require.NotEmpty(t, traces(t, status.Folder, networks))
	require.NoError(t, lab.Sweep(context.Background()))
	require.Empty(t, traces(t, status.Folder, networks))
	require.ErrorContains(t, lab.Down(t.Context(), name), "there is no lab "+name)
}

// ownedElsewhere starts this test binary as the owner of a lab.
func ownedElsewhere(t *testing.T, name string) (owner *exec.Cmd, said io.Reader) {
	t.Helper()
	owner = exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestALabWhoseProcessIsKilledDiesAndIsSwept$", "-test.v")
	owner.Env = append(os.Environ(), ownerVariable+"="+name)
	said, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	return owner, said
}

func TestALabKilledInTheMiddleOfItsStartIsSwept(t *testing.T) {
	for _, after := range []time.Duration{0, 5, 20, 60, 120, 250, 400} { // ms; a start takes about 400
		name := fmt.Sprintf("young-%d-%d", os.Getpid(), after)
		owner, said := ownedElsewhere(t, name)
		go io.Copy(io.Discard, said)
		folder := ""
		eventually(t, "it has its number", func() bool {
			labs, err := lab.List()
			require.NoError(t, err)
			for _, one := range labs {
				if one.Name == name {
					folder = one.Folder
				}
			}
			return folder != ""
		})
		time.Sleep(after * time.Millisecond)
		require.NoError(t, owner.Process.Kill())
		owner.Wait()
		require.NoError(t, lab.Sweep(t.Context()))
		require.Empty(t, traces(t, folder, nil), "killed %d ms after its claim", after)
	}
}

func TestAFailedStartLeavesNoTraceAndSaysWhy(t *testing.T) {
	_, err := lab.New(t.Context(), lab.Options{Name: "unlucky", StorageDriver: "nonsense"})
	require.ErrorContains(t, err, "start lab unlucky: start the engine of box1: dockerd ended")
	require.ErrorContains(t, err, "nonsense", "with the engine's own words")
	labs, err := lab.List()
	require.NoError(t, err)
	for _, one := range labs {
		require.NotEqual(t, "unlucky", one.Name)
	}
}

func TestTwoLabsLiveSideBySideAndNamesAreTaken(t *testing.T) {
	first := labtest.New(t, lab.Options{})
	second := labtest.New(t, lab.Options{})
	require.NotEqual(t, first.Address(), second.Address())
	_, err := lab.New(t.Context(), lab.Options{Name: first.Name()})
	require.ErrorContains(t, err, "a lab of that name is up already")
	require.NoError(t, first.Close())
	_, err = labtest.Client(t, second.Boxes()[0]).Info(t.Context())
	require.NoError(t, err)
}
