package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/plan"
	"github.com/overcloud/overcloud/internal/spec"
)

// A container's folder is one of its box's /run, which is memory: what is in it never lies on a disk, is in no
// export of the container, and is gone when the box has booted. A container that has one is therefore not started
// at boot by its engine, which misses the folder, but by us, with its secrets and in its turn. While the box is up
// the engine starts it again at once when it crashes. See docs/decisions/0009-the-folder-in-run.md.
const foldersDir = "/run/overcloud"

// folderOf is a container's folder. The hash keeps a container and its replacement apart while both run.
func folderOf(p plan.Placement) string {
	return path.Join(foldersDir, p.Container+"-"+p.SpecHash)
}

// needsFolder says whether a placement gets a folder, when somebody is there to start it after a boot: for secrets in
// /run/secrets, or, with nothing in it, only to keep the engine from starting it out of turn.
func needsFolder(p plan.Placement) bool {
	if !p.Reconciled || slices.ContainsFunc(p.Mounts, func(m spec.Mount) bool { return path.Clean(m.Target) == secretsDir }) {
		return false
	}
	return p.Ordered || slices.ContainsFunc(p.Secrets, func(use spec.SecretUse) bool { return belongsInFolder(use.Target) })
}

func belongsInFolder(target string) bool { return strings.HasPrefix(whereTo(target), secretsDir+"/") }

// inFolder and inLayer part secrets by where they are given: those elsewhere than in /run/secrets are copied into
// the container itself.
func inFolder(secrets []activities.SecretFile) []activities.SecretFile {
	return slices.DeleteFunc(slices.Clone(secrets), func(s activities.SecretFile) bool { return !belongsInFolder(s.Target) })
}

func inLayer(secrets []activities.SecretFile) []activities.SecretFile {
	return slices.DeleteFunc(slices.Clone(secrets), func(s activities.SecretFile) bool { return belongsInFolder(s.Target) })
}

// lend gives a container that is about to be made its folder, if it needs one. A box that cannot have one (a
// process box; an engine that may not write to /run) has none: the container then works as any other.
func (e *Engine) lend(ctx context.Context, service, image string, p plan.Placement, secrets []activities.SecretFile, config *container.Config, host *container.HostConfig) error {
	if !needsFolder(p) {
		return nil
	}
	info, err := e.api.Info(ctx)
	if err != nil {
		return err
	}
	if isProcess(info) {
		return nil
	}
	folder := folderOf(p)
	err = e.fillFolder(ctx, service, image, folder, config.User, inFolder(secrets))
	if err != nil && says(err.Error(), "permission denied", "read-only file system", "operation not permitted") {
		return nil
	}
	if err != nil {
		return err
	}
	config.Labels[LabelFolder] = folder
	host.Mounts = append(host.Mounts, mount.Mount{Type: mount.TypeBind, Source: folder, Target: secretsDir, ReadOnly: true})
	return nil
}

// fillFolder makes a folder and puts files into it. That takes no program: an engine mounts the volumes of a
// container that has never been started too when files are copied into it.
func (e *Engine) fillFolder(ctx context.Context, service, image, folder, user string, files []activities.SecretFile) error {
	return e.through(ctx, service, image, user, folder+":"+secretsDir, func(id, user string) error {
		archive, err := pack(files, user)
		if err != nil {
			return fmt.Errorf("pack its secrets: %w", err)
		}
		return e.api.CopyToContainer(ctx, id, "/", bytes.NewReader(archive), container.CopyToContainerOptions{})
	})
}

// wipe empties a folder: an engine that unpacks a file where a folder is removes all that is in it. The empty folder
// goes with the box's next boot.
func (e *Engine) wipe(ctx context.Context, service, image, folder string) error {
	const parent = "/folders"
	err := e.through(ctx, service, image, "", foldersDir+":"+parent, func(id, _ string) error {
		var archive bytes.Buffer
		writer := tar.NewWriter(&archive)
		for _, kind := range []byte{tar.TypeReg, tar.TypeDir} {
			if err := writer.WriteHeader(&tar.Header{Name: path.Base(folder), Typeflag: kind, Mode: 0o700}); err != nil {
				return err
			}
		}
		if err := writer.Close(); err != nil {
			return err
		}
		return e.api.CopyToContainer(ctx, id, parent, &archive, container.CopyToContainerOptions{AllowOverwriteDirWithFile: true})
	})
	if err != nil {
		return fmt.Errorf("empty the folder of its secrets: %w", err)
	}
	return nil
}

// through copies files by way of a container that is made of an image for that alone, and never started.
func (e *Engine) through(ctx context.Context, service, image, user, bind string, work func(id, user string) error) error {
	made, err := e.api.ContainerCreate(ctx, &container.Config{
		Image: image, User: user, Cmd: []string{"never started"}, Labels: map[string]string{LabelService: service, LabelHelper: HelperFolder},
	}, &container.HostConfig{Binds: []string{bind}, NetworkMode: "none"}, nil, nil, "")
	if err != nil {
		return classify(ctx, err)
	}
	defer e.drop(ctx, made.ID)
	full, err := e.api.ContainerInspect(ctx, made.ID)
	if err != nil {
		return classify(ctx, err)
	}
	if full.Config != nil {
		user = full.Config.User // the image's, when none was asked for
	}
	return classify(ctx, work(made.ID, user))
}
