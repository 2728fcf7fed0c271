package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/overcloud/overcloud/edge/learn"
	"github.com/overcloud/overcloud/internal/fault"
)

func learnCommand() command {
	return command{name: "learn", help: learn.Help, whole: func(ctx context.Context, c Call) error {
		return learn.Command(ctx, c.Args, c.In, c.Out)
	}}
}

func lircdConfCommand() command {
	return command{name: "lircd-conf", help: learn.LircdConfHelp, whole: func(_ context.Context, c Call) error {
		return learn.LircdConf(c.Args, c.Out)
	}}
}

// ended says how a command went that reads its own flags: its errors are sentences with its name.
func (c Call) ended(err error) int {
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(c.Errs, strings.TrimSuffix(err.Error(), ": "+fault.ErrInvalid.Error()))
	if errors.Is(err, fault.ErrInvalid) {
		return exitUsage
	}
	return exitFault
}
