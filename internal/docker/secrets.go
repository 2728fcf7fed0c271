package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/fault"
)

// secretsDir is where Compose puts secrets that name no folder.
const secretsDir = "/run/secrets"

// fill writes secrets into a container that does not run: those that are not in its folder. They are copied into
// its file system, so neither its environment nor its labels nor the engine's inspect show them; they go when it is
// removed. A file is readable by the container's user alone (0400); for a user that the image gives by name its
// number cannot be known, and the file is 0444, as in a swarm.
func (e *Engine) fill(ctx context.Context, id string, secrets []activities.SecretFile) error {
	if len(secrets) == 0 {
		return nil
	}
	full, err := e.api.ContainerInspect(ctx, id)
	if err != nil {
		return classify(ctx, err)
	}
	user := ""
	if full.Config != nil {
		user = full.Config.User
		if full.Config.Labels[LabelFolder] != "" {
			secrets = inLayer(secrets)
		}
	}
	if len(secrets) == 0 {
		return nil
	}
	archive, err := pack(secrets, user)
	if err != nil {
		return fmt.Errorf("pack its secrets: %w", err)
	}
	err = e.api.CopyToContainer(ctx, id, "/", bytes.NewReader(archive), container.CopyToContainerOptions{})
	if errdefs.IsNotImplemented(err) || errdefs.IsNotFound(err) {
		return fmt.Errorf("engine of box %s takes no files into a container, so secrets cannot be given (%s): %w", e.box.Name, words(err), fault.ErrRejected)
	}
	if err != nil {
		return fmt.Errorf("copy its secrets: %w", classify(ctx, err))
	}
	return nil
}

// hasSecrets says whether a running container has the values that are wanted now: its own files are read, so that
// neither a value nor a trace of one need be kept anywhere else. One that does not run gets them before it does.
func (e *Engine) hasSecrets(ctx context.Context, one container.Summary, secrets []activities.SecretFile) (bool, error) {
	if one.State != container.StateRunning {
		return true, nil
	}
	for _, secret := range secrets {
		value, err := e.readFile(ctx, one.ID, whereTo(secret.Target), len(secret.Value)+1)
		switch {
		case errdefs.IsNotFound(err):
			return false, nil
		case errdefs.IsNotImplemented(err):
			return true, nil // nobody can tell
		case err != nil:
			return false, fmt.Errorf("read the secrets of %s: %w", nameOf(one), classify(ctx, err))
		case !bytes.Equal(value, secret.Value):
			return false, nil
		}
	}
	return true, nil
}

// readFile reads at most so many bytes of a container's file.
func (e *Engine) readFile(ctx context.Context, id, file string, most int) ([]byte, error) {
	stream, _, err := e.api.CopyFromContainer(ctx, id, file)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	archive := tar.NewReader(stream)
	if _, err := archive.Next(); err != nil {
		return nil, fmt.Errorf("unpack %s: %w", file, err)
	}
	return io.ReadAll(io.LimitReader(archive, int64(most)))
}

// whereTo is the full path of a secret; one that names no folder is in /run/secrets.
func whereTo(target string) string {
	if !path.IsAbs(target) {
		target = path.Join(secretsDir, target)
	}
	return path.Clean(target)
}

// pack makes the archive that is unpacked at "/".
func pack(secrets []activities.SecretFile, user string) ([]byte, error) {
	uid, gid, mode := owner(user)
	var buffer bytes.Buffer
	archive := tar.NewWriter(&buffer)
	folders := false
	for _, secret := range secrets {
		target := whereTo(secret.Target)
		// Engines make a missing folder of an archive too narrow for a user that is not root. Folders
		// elsewhere are left alone: naming them here would change the image's modes.
		if strings.HasPrefix(target, secretsDir+"/") && !folders {
			folders = true
			for _, folder := range []string{"run", "run/secrets"} {
				if err := archive.WriteHeader(&tar.Header{Name: folder, Typeflag: tar.TypeDir, Mode: 0o755}); err != nil {
					return nil, err
				}
			}
		}
		header := &tar.Header{
			Name: strings.TrimPrefix(target, "/"), Typeflag: tar.TypeReg, Mode: mode, Uid: uid, Gid: gid, Size: int64(len(secret.Value)),
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(secret.Value); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return buffer.Bytes(), err
}

// owner reads an image's USER: empty, name, number, or either with a group.
func owner(user string) (uid, gid int, mode int64) {
	name, group, _ := strings.Cut(user, ":")
	if name == "" || name == "root" {
		return 0, 0, 0o400
	}
	uid, err := strconv.Atoi(name)
	if err != nil {
		return 0, 0, 0o444
	}
	return uid, number(group), 0o400
}
