package lab

import (
	"context"

	"github.com/overcloud/overcloud/internal/lab/software"
)

// PushSoftware assembles images of third-party software and pushes them to all of the lab's registries.
func (l *Lab) PushSoftware(ctx context.Context, builder software.Builder, recipes ...software.Recipe) error {
	return builder.Push(ctx, l.backend.Address(), nil, nil, recipes...)
}
