package lirc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/internal/fault"
)

// Why lircd or the kernel refuses. A lircd or device that is away is fault.ErrUnreachable instead.
var (
	ErrUnknownRemote = errors.New("lircd does not know the remote")
	ErrUnknownKey    = errors.New("the remote has no such key")
	ErrCannotSend    = errors.New("the hardware cannot send")
	ErrBusy          = errors.New("busy")
	ErrTransmission  = errors.New("transmission failed")
)

// refusal turns an ERROR reply into an error: what was asked, lircd's own words, one of the errors above where the
// words are known (read in lircd.cpp of lirc 0.10.1), and a sentinel of package fault.
func refusal(r reply) error {
	text := strings.Join(r.data, " ")
	if text == "" {
		text = "no reason given"
	}
	kind, class := error(nil), fault.ErrRejected
	switch {
	case strings.HasPrefix(text, "unknown remote"):
		kind, class = ErrUnknownRemote, fault.ErrInvalid
	case strings.HasPrefix(text, "unknown command"):
		kind, class = ErrUnknownKey, fault.ErrInvalid
	case strings.HasPrefix(text, "hardware does not support sending"):
		kind = ErrCannotSend
	case strings.HasPrefix(text, "busy"), strings.HasPrefix(text, "already repeating"):
		kind = ErrBusy
	case strings.HasPrefix(text, "transmission failed"):
		kind = ErrTransmission
	}
	if kind == nil {
		return fmt.Errorf("%s: lircd answers %q: %w", r.command, text, class)
	}
	return fmt.Errorf("%s: lircd answers %q: %w: %w", r.command, text, kind, class)
}
