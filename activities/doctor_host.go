package activities

import (
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

// host is what a box tells of itself over SSH.
type host struct {
	ID     string   // of /etc/os-release: debian
	Like   []string // its relatives: ID_LIKE
	Pretty string   // Debian GNU/Linux 12 (bookworm)
	User   string
	Root   string // rootSelf, rootSudo or rootNone
	Init   string // initSystemd, initOpenRC or initNone
	Engine bool   // a dockerd is installed
	Podman bool   // podman's stand-in for the docker command is installed
}

// The words of hostScript.
const (
	rootSelf    = "self"
	rootSudo    = "sudo"
	rootNone    = "none"
	initSystemd = "systemd"
	initOpenRC  = "openrc"
	initNone    = "none"
)

// hostScript prints one key=value a line. It changes nothing.
const hostScript = `PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; export PATH
( [ -r /etc/os-release ] && . /etc/os-release; echo "id=${ID:-}"; echo "like=${ID_LIKE:-}"; echo "pretty=${PRETTY_NAME:-}" )
echo "user=$(id -un)"
if [ "$(id -u)" = 0 ]; then echo root=self; elif sudo -n true 2>/dev/null; then echo root=sudo; else echo root=none; fi
if [ -d /run/systemd/system ]; then echo init=systemd; elif [ -d /run/openrc ]; then echo init=openrc; else echo init=none; fi
if command -v dockerd >/dev/null; then echo engine=yes; fi
if docker --version 2>/dev/null | grep -qi podman; then echo podman=yes; fi`

// readHost reads what hostScript printed. Lines that it does not know are a login message.
func readHost(output string) host {
	var h host
	for line := range strings.Lines(output) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "id":
			h.ID = value
		case "like":
			h.Like = strings.Fields(value)
		case "pretty":
			h.Pretty = value
		case "user":
			h.User = value
		case "root":
			h.Root = value
		case "init":
			h.Init = value
		case "engine":
			h.Engine = value == "yes"
		case "podman":
			h.Podman = value == "yes"
		}
	}
	return h
}

// installable says whether the box can be given an engine, in one sentence when not.
func installable(h host, box spec.Box) error {
	access, _ := box.SSHAccess()
	switch {
	case h.Podman && !h.Engine:
		return fmt.Errorf("podman stands in for docker on the box; remove podman-docker first, or use the box without OverCloud: %w", fault.ErrRejected)
	case h.Root != rootSelf && h.Root != rootSudo:
		return fmt.Errorf("%s may not become root on the box without a password; allow it (%s ALL=(ALL) NOPASSWD:ALL in sudoers), or write `ssh: root@%s`: %w",
			access, h.User, access.Host, fault.ErrRejected)
	case !h.Engine && !known(h):
		return fmt.Errorf("%s is no distribution that OverCloud installs on (Debian, Ubuntu, Raspberry Pi OS, Alpine, Fedora); install its Docker engine by hand: %w",
			orUnknown(h.Pretty), fault.ErrRejected)
	}
	if socket := box.EngineSocket(); strings.HasPrefix(box.Engine, "ssh:") && socket != "/var/run/docker.sock" && socket != "/run/docker.sock" {
		return fmt.Errorf("the engine would listen at /var/run/docker.sock, but `engine` of the box says %s: %w", socket, fault.ErrRejected)
	}
	return nil
}

// known says whether the packages of a distribution are.
func known(h host) bool {
	for _, id := range append([]string{h.ID}, h.Like...) {
		switch id {
		case "debian", "ubuntu", "raspbian", "alpine", "fedora":
			return h.ID != "rhel" && h.ID != "centos" && h.ID != "rocky" && h.ID != "almalinux" // they are like Fedora, without its moby-engine
		}
	}
	return false
}

func orUnknown(pretty string) string {
	if pretty == "" {
		return "a system without /etc/os-release"
	}
	return pretty
}

// asRoot makes a command line of a script that runs as root.
func (h host) asRoot(script string) string {
	if h.Root == rootSudo {
		return "sudo -n sh -c " + quoted(script)
	}
	return "sh -c " + quoted(script)
}

// launchScript begins the installation detached, unless one runs. The child has the lock as its file 9; what it
// starts has not, or the engine would hold it for ever.
func launchScript(in InstallInput, h host) string {
	user := h.User
	if through, ok := in.Box.EngineSSH(); ok {
		user = through.User // who will use the engine, not who installs it
	}
	environment := "OC_WHO=" + quoted(plain(in.Who)) + " OC_USER=" + quoted(user) + " OC_SOCKET=/var/run/docker.sock"
	whole := "( " + installScript + "\n) 9>&-; echo $? >" + installStatus
	return "umask 022; exec 9>" + installLock + "; flock -n 9 || exit 0\n" +
		"rm -f " + installStatus + "\n" +
		environment + " setsid sh -c " + quoted(whole) + " </dev/null >>" + installLog + " 2>&1 &\n"
}

// followScript prints how far the installation is, then the end of its log.
const followScript = `if [ -f ` + installStatus + ` ]; then echo "ended $(cat ` + installStatus + `)"
elif flock -n ` + installLock + ` true; then if [ -f ` + installStatus + ` ]; then echo "ended $(cat ` + installStatus + `)"; else echo interrupted; fi
else echo running; fi; tail -n 8 ` + installLog

// readInstall reads what followScript printed.
func readInstall(output string) installState {
	first, rest, _ := strings.Cut(output, "\n")
	word, code, _ := strings.Cut(strings.TrimSpace(first), " ")
	state := installState{running: word == "running"}
	if word == "ended" {
		state.code = code
	}
	for line := range strings.Lines(rest) {
		if line = plain(strings.TrimSpace(line)); line != "" {
			state.lines = append(state.lines, line)
		}
	}
	return state
}

// plain leaves out what a terminal would act on, and cuts what no line needs.
func plain(text string) string {
	const most = 200
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
