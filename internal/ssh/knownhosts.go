package ssh

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/overcloud/overcloud/internal/fault"
)

// systemKnownHosts is where a machine's administrator lists hosts.
const systemKnownHosts = "/etc/ssh/ssh_known_hosts"

// known are the host keys that somebody vouched for.
type known struct {
	files    []string // those that exist
	callback ssh.HostKeyCallback
	// add is the file that a new host is to be added to.
	add string
}

// hostFault is a host key that must not be trusted; text is one sentence with what to do.
type hostFault struct{ text string }

func (f *hostFault) Error() string { return f.text }

// knownHosts reads the known_hosts files, anew each time, so that a line that was added counts at once.
func (h *Hosts) knownHosts() (*known, error) {
	paths := append(h.home("known_hosts"), systemKnownHosts)
	if set := h.options.Getenv(EnvKnownHosts); set != "" {
		paths = filepath.SplitList(set)
	}
	k := &known{add: paths[0]}
	for _, path := range paths {
		if _, err := os.Stat(path); err == nil {
			k.files = append(k.files, path)
		}
	}
	callback, err := knownhosts.New(k.files...)
	if err != nil {
		return nil, fmt.Errorf("known hosts cannot be read: %s: %w", strings.TrimPrefix(err.Error(), "knownhosts: "), fault.ErrInvalid)
	}
	k.callback = callback
	return k, nil
}

// check is the HostKeyCallback: only a key that is listed passes.
func (k *known) check(address string, remote net.Addr, key ssh.PublicKey) error {
	err := k.callback(address, remote, key)
	var unlike *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	print := ssh.FingerprintSHA256(key)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return &hostFault{fmt.Sprintf("REFUSED: its host key %s is revoked by %s:%d", print, revoked.Revoked.Filename, revoked.Revoked.Line)}
	case errors.As(err, &unlike) && len(unlike.Want) == 0:
		return &hostFault{fmt.Sprintf("its host key (%s %s) is not known; check that fingerprint on the box, then run: %s >> %s",
			key.Type(), print, keyscan(address), k.add)}
	case errors.As(err, &unlike):
		return &hostFault{fmt.Sprintf("REFUSED: its host key has CHANGED (%s:%d knows another than %s): somebody may stand in between; "+
			"only if the box was set up anew, run: ssh-keygen -R %q -f %s", unlike.Want[0].Filename, unlike.Want[0].Line, print,
			knownhosts.Normalize(address), unlike.Want[0].Filename)}
	}
	return &hostFault{"its host key cannot be checked: " + err.Error()}
}

// algorithms are those of the keys that are listed for a host; nil, which is all of them, when none is. Without
// this a box would prove itself with a key of another kind than the listed one, and seem to have changed it.
func (k *known) algorithms(address string) []string {
	var unlike *knownhosts.KeyError
	if err := k.callback(address, &net.TCPAddr{IP: net.IPv4zero}, nobody{}); !errors.As(err, &unlike) {
		return nil
	}
	var all []string
	for _, want := range unlike.Want {
		kind := want.Key.Type()
		if kind == ssh.KeyAlgoRSA {
			all = append(all, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
			continue
		}
		all = append(all, kind)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keyscan is the command that prints a host's keys as known_hosts lines.
func keyscan(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || port == "22" {
		return "ssh-keyscan " + host
	}
	return "ssh-keyscan -p " + port + " " + host
}

// nobody is a key that no host has: asking for it lists those that a host has.
type nobody struct{}

func (nobody) Type() string                        { return "nobody" }
func (nobody) Marshal() []byte                     { return []byte("nobody") }
func (nobody) Verify([]byte, *ssh.Signature) error { return errors.New("nobody signs") }
