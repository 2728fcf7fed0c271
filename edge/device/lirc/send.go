package lirc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// keySender is a transmitter that lets lircd send.
type keySender struct {
	client  *lirc.Client
	profile infrared.Profile
}

// While lircd repeats a key for somebody else, it takes no other.
const (
	busyTries = 4
	busyPause = 300 * time.Millisecond
)

// Send asks lircd for the frame's keys, one after the other with infrared.KeyPause between. Errors are as those of
// lirc.Client.Send, and fault.ErrInvalid for a frame without keys.
func (k *keySender) Send(ctx context.Context, frame infrared.Frame) error {
	if len(frame.Keys) == 0 {
		return fmt.Errorf("%s: the frame has only pulses, and lircd sends keys: %w", k.client.Address(), fault.ErrInvalid)
	}
	for i, key := range frame.Keys {
		if i > 0 {
			if err := lirc.Pause(ctx, infrared.KeyPause); err != nil {
				return fmt.Errorf("%s: stopped before %s: %w", k.client.Address(), key, err)
			}
		}
		if err := k.key(ctx, frame.Remote, key); err != nil {
			return err
		}
	}
	return nil
}

func (k *keySender) key(ctx context.Context, remote, key string) error {
	for try := 1; ; try++ {
		err := k.client.Send(ctx, remote, key)
		if !errors.Is(err, lirc.ErrBusy) || try == busyTries {
			return err
		}
		if lirc.Pause(ctx, busyPause) != nil {
			return err
		}
	}
}

// Describe says which lircd it is.
func (k *keySender) Describe() string { return describe(k.client) }

func describe(client *lirc.Client) string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	version, err := client.Version(ctx)
	if err != nil {
		return client.Address().String() + ", which does not answer"
	}
	return "lircd " + version + " at " + client.Address().Host
}

// Check asks lircd whether it knows the remote and every key of it that may be sent, without sending any. Errors are
// fault.ErrUnreachable, or fault.ErrInvalid with what lircd lacks.
func (k *keySender) Check(ctx context.Context) (string, error) {
	version, err := k.client.Version(ctx)
	if err != nil {
		return "", err
	}
	off, err := example(k.profile)
	if err != nil {
		return "", err
	}
	known, err := k.client.Keys(ctx, off.Remote)
	if err != nil {
		return "", err
	}
	var lacking []string
	for _, state := range states(k.profile) {
		frame, err := k.profile.Encode(state, nil)
		if err != nil {
			return "", err
		}
		for _, key := range frame.Keys {
			same := func(other string) bool { return strings.EqualFold(other, key) }
			if !slices.ContainsFunc(known, same) && !slices.Contains(lacking, key) {
				lacking = append(lacking, key)
			}
		}
	}
	if len(lacking) > 0 {
		return "", fmt.Errorf("%s: its remote %s has no %s: give lircd the same file: %w",
			k.client.Address(), off.Remote, strings.Join(lacking, ", "), fault.ErrInvalid)
	}
	return fmt.Sprintf("lircd %s at %s, remote %s with %d keys", version, k.client.Address().Host, off.Remote, len(known)), nil
}

// Close drops the connection; a later Send makes another.
func (k *keySender) Close() error { return k.client.Close() }

// pulseSender is a transmitter of the kernel's.
type pulseSender struct{ lirc.Transmitter }

// Describe says what the device can.
func (p *pulseSender) Describe() string {
	text, err := p.Check(context.Background())
	if err != nil {
		return p.Path + ", which is not there"
	}
	return text
}

// Check opens the device and asks what it can, without sending. Errors are those of lirc.Transmitter.Send.
func (p *pulseSender) Check(context.Context) (string, error) {
	features, err := ask(p.Open, p.Path)
	if err != nil {
		return "", err
	}
	if !features.Has(lirc.CanSendPulse) {
		return "", fmt.Errorf("%s: the device %s: %w: %w", p.Path, features, lirc.ErrCannotSend, fault.ErrRejected)
	}
	return p.Path + ": " + features.String(), nil
}

func ask(open lirc.Open, path string) (lirc.Features, error) {
	port, err := open(path)
	if err != nil {
		return 0, err
	}
	defer port.Close()
	features, err := lirc.GetFeatures(port)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return features, nil
}
