package learn

import (
	"context"
	"io"
	"time"

	"github.com/overcloud/overcloud/edge/device"
	"github.com/overcloud/overcloud/internal/infrared"
	"github.com/overcloud/overcloud/internal/lirc"
)

// Recorded is a Source of frames that were recorded before.
func Recorded(frames []infrared.Frame) Source { return &recorded{frames} }

type recorded struct{ frames []infrared.Frame }

// Next returns the next frame.
func (r *recorded) Next(context.Context) (infrared.Frame, error) {
	if len(r.frames) == 0 {
		return infrared.Frame{}, io.EOF
	}
	frame := r.frames[0]
	r.frames = r.frames[1:]
	return frame, nil
}

// lookEvery is how often a receiver is asked.
const lookEvery = 100 * time.Millisecond

// Live is a Source of what a receiver hears from the first Next on.
func Live(receiver device.Receiver) Source { return &live{receiver: receiver, cursor: -1} }

type live struct {
	receiver device.Receiver
	cursor   int64
	waiting  []infrared.Frame
}

// Next returns the next frame that has pulses.
func (l *live) Next(ctx context.Context) (infrared.Frame, error) {
	for {
		for len(l.waiting) > 0 {
			frame := l.waiting[0]
			l.waiting = l.waiting[1:]
			if len(frame.Pulses) > 0 {
				return frame, nil
			}
		}
		frames, next, err := l.receiver.Heard(ctx, l.cursor)
		if err != nil {
			return infrared.Frame{}, err
		}
		l.waiting, l.cursor = frames, next
		if len(frames) == 0 {
			if err := lirc.Pause(ctx, lookEvery); err != nil {
				return infrared.Frame{}, err
			}
		}
	}
}

// Forget drops what was heard and not taken yet.
func (l *live) Forget() { l.waiting, l.cursor = nil, -1 }
