package box

import (
	"net/http"
	"strings"
	"sync"
	"time"

	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/image"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (b *Box) imageRoutes(handle func(string, handler)) {
	handle("POST /images/create", b.pullImage)
	handle("GET /images/json", b.listImages)
	// Names hold slashes, so what is asked stands behind a wildcard that the mux cannot cut.
	handle("GET /images/{rest...}", b.imageGet)
	handle("POST /images/{rest...}", b.imagePost)
	handle("DELETE /images/{name...}", b.removeImage)
	handle("POST /images/prune", b.pruneImages)
	handle("GET /distribution/{rest...}", b.inspectDistribution)
}

// pullFault is how a pull that began says that it did not end well.
type pullFault struct {
	Detail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
	Error string `json:"error"`
}

func (b *Box) pullImage(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	name := query.Get("fromImage")
	if name == "" {
		return status.Unsupported("a process box only pulls images: fromImage is missing")
	}
	if tag := query.Get("tag"); strings.HasPrefix(tag, "sha256:") {
		name += "@" + tag
	} else if tag != "" {
		name += ":" + tag
	}
	auth, err := images.Authenticator(r.Header.Get("X-Registry-Auth"))
	if err != nil {
		return err
	}
	pull := images.Pull{Name: name, Auth: auth}
	if asked := query.Get("platform"); asked != "" {
		if pull.Platform, err = images.ParsePlatform(asked); err != nil {
			return err
		}
	}
	if err := b.accepting(); err != nil {
		return err
	}
	var mu sync.Mutex
	out, begun := newStream(w), false
	err = b.images.Pull(r.Context(), pull, func(message images.Message) {
		mu.Lock()
		defer mu.Unlock()
		if !begun {
			begun = true
			w.Header().Set("Content-Type", "application/json")
		}
		_ = out.send(message) // a caller who is gone ends the request's context, and with it the pull
	})
	if err == nil {
		b.events.tell(apievents.ImageEventType, apievents.ActionPull, name, map[string]string{"name": name})
		return nil
	}
	mu.Lock()
	defer mu.Unlock()
	if !begun {
		return err
	}
	b.logger.Warn("pull", "image", name, "error", err)
	fault := pullFault{Error: err.Error()}
	fault.Detail.Message = err.Error()
	_ = out.send(fault)
	return nil
}

func (b *Box) listImages(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "reference", "label", "dangling")
	if err != nil {
		return err
	}
	dangling, err := args.GetBoolOrDefault("dangling", false)
	if err != nil {
		return status.Invalid("%v", err)
	}
	list := []image.Summary{}
	for _, i := range b.images.List() {
		summary := b.imageSummary(i)
		if args.Contains("reference") && !matchesAny(args.Get("reference"), append(summary.RepoTags, summary.RepoDigests...)) {
			continue
		}
		if !args.MatchKVList("label", summary.Labels) || (args.Contains("dangling") && dangling != (len(summary.RepoTags) == 0)) {
			continue
		}
		list = append(list, summary)
	}
	return reply(w, http.StatusOK, list)
}

func (b *Box) imageSummary(i *images.Image) image.Summary {
	tags, digests := b.images.Names(i.ID)
	created := i.Pulled
	if i.Spec.Created != nil {
		created = *i.Spec.Created
	}
	return image.Summary{
		ID: i.ID, RepoTags: tags, RepoDigests: digests, Created: created.Unix(), Labels: i.Spec.Config.Labels,
		Size: i.Size, SharedSize: -1, Containers: int64(len(b.usersOfImage(i.ID))),
	}
}

func (b *Box) imageGet(w http.ResponseWriter, r *http.Request) error {
	rest := r.PathValue("rest")
	if name, ok := strings.CutSuffix(rest, "/json"); ok {
		return b.inspectImage(w, name)
	}
	if name, ok := strings.CutSuffix(rest, "/history"); ok {
		i, err := b.images.Get(name)
		if err != nil {
			return err
		}
		history := []image.HistoryResponseItem{}
		for n := len(i.Spec.History) - 1; n >= 0; n-- {
			item := i.Spec.History[n]
			line := image.HistoryResponseItem{ID: "<missing>", CreatedBy: item.CreatedBy, Comment: item.Comment}
			if item.Created != nil {
				line.Created = item.Created.Unix()
			}
			history = append(history, line)
		}
		return reply(w, http.StatusOK, history)
	}
	return status.Unsupported("a process box does not serve %s of images", r.URL.Path)
}

func (b *Box) inspectImage(w http.ResponseWriter, name string) error {
	i, err := b.images.Get(name)
	if err != nil {
		return err
	}
	tags, digests := b.images.Names(i.ID)
	answer := image.InspectResponse{
		ID: i.ID, RepoTags: tags, RepoDigests: digests, Author: i.Spec.Author, Config: &i.Spec.Config,
		Architecture: i.Spec.Architecture, Variant: i.Spec.Variant, Os: i.Spec.OS, OsVersion: i.Spec.OSVersion,
		Size: i.Size, RootFS: image.RootFS{Type: i.Spec.RootFS.Type},
		Metadata: image.Metadata{LastTagTime: i.Pulled},
	}
	answer.GraphDriver.Name = "process"
	answer.GraphDriver.Data = map[string]string{"Root": i.Root(), "Manifest": i.Manifest}
	if i.Spec.Created != nil {
		answer.Created = i.Spec.Created.Format(time.RFC3339Nano)
	}
	for _, layer := range i.Spec.RootFS.DiffIDs {
		answer.RootFS.Layers = append(answer.RootFS.Layers, layer.String())
	}
	return reply(w, http.StatusOK, answer)
}

func (b *Box) imagePost(w http.ResponseWriter, r *http.Request) error {
	name, ok := strings.CutSuffix(r.PathValue("rest"), "/tag")
	if !ok {
		return status.Unsupported("a process box does not serve POST %s; that takes a Docker engine", r.URL.Path)
	}
	query := r.URL.Query()
	if query.Get("repo") == "" {
		return status.Invalid("tag %s: the new name (repo) is missing", name)
	}
	if err := b.images.Tag(name, query.Get("repo"), query.Get("tag")); err != nil {
		return err
	}
	b.events.tell(apievents.ImageEventType, apievents.ActionTag, name, map[string]string{"name": query.Get("repo") + ":" + query.Get("tag")})
	w.WriteHeader(http.StatusCreated)
	return nil
}

func (b *Box) removeImage(w http.ResponseWriter, r *http.Request) error {
	answer, err := b.dropImage(r.PathValue("name"), flag(r, "force"))
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, answer)
}

func (b *Box) dropImage(name string, force bool) ([]image.DeleteResponse, error) {
	removed, err := b.images.Remove(name, force, b.usersOfImage)
	if err != nil {
		return nil, err
	}
	var answer []image.DeleteResponse
	for _, tag := range removed.Untagged {
		answer = append(answer, image.DeleteResponse{Untagged: tag})
		b.events.tell(apievents.ImageEventType, apievents.ActionUnTag, tag, map[string]string{"name": tag})
	}
	if removed.Deleted != "" {
		answer = append(answer, image.DeleteResponse{Deleted: removed.Deleted})
		b.events.tell(apievents.ImageEventType, apievents.ActionDelete, removed.Deleted, map[string]string{"name": removed.Deleted})
	}
	return answer, nil
}

// pruneImages removes the images without a tag, or, with the filter dangling=false, all that no container uses.
func (b *Box) pruneImages(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "dangling")
	if err != nil {
		return err
	}
	dangling, err := args.GetBoolOrDefault("dangling", true)
	if err != nil {
		return status.Invalid("%v", err)
	}
	report := image.PruneReport{ImagesDeleted: []image.DeleteResponse{}}
	for _, i := range b.images.List() {
		tags, _ := b.images.Names(i.ID)
		if (dangling && len(tags) > 0) || len(b.usersOfImage(i.ID)) > 0 {
			continue
		}
		answer, err := b.dropImage(i.ID, true)
		if err != nil {
			return err
		}
		report.ImagesDeleted = append(report.ImagesDeleted, answer...)
		report.SpaceReclaimed += uint64(i.Size)
	}
	return reply(w, http.StatusOK, report)
}

// matchesPlatform reports whether an image is for a platform that was asked for.
func matchesPlatform(i *images.Image, wanted ocispec.Platform) bool {
	return i.Spec.OS == wanted.OS && i.Spec.Architecture == wanted.Architecture
}
