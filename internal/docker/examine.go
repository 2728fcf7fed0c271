package docker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api"
	"github.com/docker/docker/api/types/registry"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/internal/spec"
)

var _ activities.EngineChecks = (*Engines)(nil)

// Ask implements activities.EngineChecks.
func (e *Engines) Ask(ctx context.Context, box spec.Box) (activities.EngineAnswer, error) {
	engine, err := e.engine(box)
	if err != nil {
		return activities.EngineAnswer{}, err
	}
	ping, err := engine.api.Ping(ctx)
	if err != nil {
		return activities.EngineAnswer{}, classify(ctx, err)
	}
	version, err := engine.api.ServerVersion(ctx)
	if err != nil {
		return activities.EngineAnswer{}, classify(ctx, err)
	}
	asked := time.Now()
	info, err := engine.api.Info(ctx)
	if err != nil {
		return activities.EngineAnswer{}, classify(ctx, err)
	}
	arch, variant := platform(info.Architecture)
	answer := activities.EngineAnswer{
		Version: version.Version, API: ping.APIVersion, OldestAPI: version.MinAPIVersion, OurAPI: api.DefaultVersion,
		OS: info.OSType, Arch: strings.TrimSuffix(arch+"/"+variant, "/"), Root: info.DockerRootDir, Process: isProcess(info),
		MemoryLimit: info.MemoryLimit, Asked: asked, Answered: time.Now(),
	}
	if clock, err := time.Parse(time.RFC3339Nano, info.SystemTime); err == nil {
		answer.Clock = clock
	}
	return answer, nil
}

// FreeDisk implements activities.EngineChecks.
func (e *Engines) FreeDisk(ctx context.Context, box spec.Box, image string) int64 {
	engine, err := e.engine(box)
	if err != nil {
		return unknownDisk
	}
	return engine.FreeDisk(ctx, image)
}

// Reach implements activities.EngineChecks.
func (e *Engines) Reach(ctx context.Context, box spec.Box, ref string, from activities.Source) error {
	engine, err := e.engine(box)
	if err != nil {
		return err
	}
	auth := ""
	if from.User != "" || from.Password != "" {
		auth, err = registry.EncodeAuthConfig(registry.AuthConfig{Username: from.User, Password: from.Password})
		if err != nil {
			return fmt.Errorf("credentials for %s cannot be encoded: %w", ref, fault.ErrSecret)
		}
	}
	_, err = engine.api.DistributionInspect(ctx, ref, auth)
	return classifyPull(ctx, err)
}

// engine is Open with the adapter's own type.
func (e *Engines) engine(box spec.Box) (*Engine, error) {
	opened, err := e.Open(box)
	if err != nil {
		return nil, err
	}
	engine, ours := opened.(*Engine)
	if !ours {
		return nil, fmt.Errorf("box %s is no engine of ours: %w", box.Name, fault.ErrInvalid)
	}
	return engine, nil
}
