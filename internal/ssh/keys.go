package ssh

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/overcloud/overcloud/internal/fault"
)

// keys are what a login is tried with, and what they are called.
type keys struct {
	signers []ssh.Signer
	names   []string
	agent   net.Conn
}

func (k *keys) add(name string, signer ssh.Signer) {
	k.signers, k.names = append(k.signers, signer), append(k.names, name)
}

func (k *keys) close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// keys reads the private keys. OVERCLOUD_SSH_KEY, when set, is the only one: an sshd ends a login after six wrong
// ones. Else those of the agent come first, then the usual files.
func (h *Hosts) keys(ctx context.Context) (*keys, error) {
	all := &keys{}
	if path := h.options.Getenv(EnvKey); path != "" {
		signer, err := readKey(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", EnvKey, err)
		}
		all.add(path, signer)
		return all, nil
	}
	problems := h.askAgent(ctx, all)
	for _, path := range h.home("id_ed25519", "id_ecdsa", "id_rsa") {
		signer, err := readKey(path)
		switch {
		case err == nil:
			all.add(path, signer)
		case !errors.Is(err, fs.ErrNotExist):
			problems = append(problems, err.Error())
		}
	}
	if len(all.signers) == 0 {
		all.close()
		why := ""
		if len(problems) > 0 {
			why = " (" + strings.Join(problems, "; ") + ")"
		}
		return nil, fmt.Errorf("there is no SSH key to log in with%s: name one in %s, or make one with ssh-keygen: %w",
			why, EnvKey, fault.ErrInvalid)
	}
	return all, nil
}

// readKey reads a private key without a passphrase. Its errors never hold a line of the file.
func readKey(path string) (ssh.Signer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("key %s cannot be read: %w: %w", path, err, fault.ErrInvalid)
	}
	signer, err := ssh.ParsePrivateKey(text)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, fmt.Errorf("key %s has a passphrase: add it to an ssh-agent and set SSH_AUTH_SOCK: %w", path, fault.ErrInvalid)
	case err != nil:
		return nil, fmt.Errorf("key %s is no private key: %w", path, fault.ErrInvalid)
	}
	return signer, nil
}

// askAgent adds the keys of the agent, which stays connected until the login has ended, since it signs.
func (h *Hosts) askAgent(ctx context.Context, all *keys) (problems []string) {
	socket := h.options.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil
	}
	listing, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(listing, "unix", socket)
	if err != nil {
		return []string{"the ssh-agent at " + socket + " does not answer"}
	}
	deadline, _ := listing.Deadline()
	_ = conn.SetDeadline(deadline) // a unix connection takes deadlines
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		conn.Close()
		return []string{"the ssh-agent at " + socket + " lists no keys"}
	}
	_ = conn.SetDeadline(time.Now().Add(connectTimeout + loginTimeout)) // for what it has to sign
	all.agent = conn
	for _, signer := range signers {
		all.add("the agent's "+ssh.FingerprintSHA256(signer.PublicKey()), signer)
	}
	return nil
}
