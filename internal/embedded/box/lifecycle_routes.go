package box

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	api "github.com/docker/docker/api/types/container"
	apievents "github.com/docker/docker/api/types/events"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (c *container) serveStart(w http.ResponseWriter, _ *http.Request) error {
	if err := c.start(); err != nil {
		return err
	}
	return noContent(w)
}

// asAsked is how the query wants it stopped; what it leaves open is as configured.
func (c *container) asAsked(r *http.Request) (stopping, error) {
	how := c.asConfigured(true)
	if r.URL.Query().Get("t") != "" {
		seconds, err := number(r, "t", 0)
		if err != nil {
			return how, err
		}
		how.grace = time.Duration(seconds) * time.Second
	}
	if name := r.URL.Query().Get("signal"); name != "" {
		signal, err := signalOf(name)
		if err != nil {
			return how, err
		}
		how.signal = signal
	}
	return how, nil
}

func (c *container) serveStop(w http.ResponseWriter, r *http.Request) error {
	how, err := c.asAsked(r)
	if err != nil {
		return err
	}
	// Not the request's context: a caller who hangs up must not turn an orderly stop into SIGKILL.
	if err := c.stop(c.box.ctx, how); err != nil {
		return err
	}
	return noContent(w)
}

func (c *container) serveRestart(w http.ResponseWriter, r *http.Request) error {
	how, err := c.asAsked(r)
	if err != nil {
		return err
	}
	if err := c.stop(c.box.ctx, how); err != nil && status.Code(err) != http.StatusNotModified {
		return err
	}
	if err := c.start(); err != nil && status.Code(err) != http.StatusNotModified {
		return err
	}
	c.tell(apievents.ActionRestart, nil)
	return noContent(w)
}

func (c *container) serveKill(w http.ResponseWriter, r *http.Request) error {
	signal, err := signalOf(cmp.Or(r.URL.Query().Get("signal"), "KILL"))
	if err != nil {
		return err
	}
	if err := c.kill(signal); err != nil {
		return err
	}
	return noContent(w)
}

func (c *container) serveRemove(w http.ResponseWriter, r *http.Request) error {
	if flag(r, "link") {
		return status.Invalid("a process box has no links between containers")
	}
	if err := c.remove(flag(r, "force"), flag(r, "v")); err != nil {
		return err
	}
	return noContent(w)
}

// serveWait answers at once with the headers, and with the exit code when the condition is met.
func (c *container) serveWait(w http.ResponseWriter, r *http.Request) error {
	c.mu.Lock()
	before := c.exits
	c.mu.Unlock()
	conditions := map[string]func() bool{
		string(api.WaitConditionNotRunning): func() bool { return !c.isLive() },
		string(api.WaitConditionNextExit):   func() bool { return c.exits > before || c.cleared },
		string(api.WaitConditionRemoved):    func() bool { return c.cleared },
	}
	asked := cmp.Or(r.URL.Query().Get("condition"), string(api.WaitConditionNotRunning))
	condition, known := conditions[asked]
	if !known {
		return status.Invalid("invalid condition: %q", asked)
	}
	w.Header().Set("Content-Type", "application/json")
	out := newStream(w)
	if err := out.flush(); err != nil {
		return nil // the caller is gone
	}
	answer := api.WaitResponse{}
	if err := c.await(r.Context(), condition); err != nil {
		answer.Error = &api.WaitExitError{Message: "the wait was cut short: " + err.Error()}
	}
	answer.StatusCode = int64(c.copy().State.ExitCode)
	_ = out.send(answer)
	return nil
}

func (c *container) serveRename(w http.ResponseWriter, r *http.Request) error {
	name := strings.TrimPrefix(r.URL.Query().Get("name"), "/")
	if name == "" {
		return status.Invalid("Neither old nor new names may be empty")
	}
	c.transition.Lock()
	defer c.transition.Unlock()
	before := c.copy()
	if before.State.Status == api.StateRemoving {
		return status.NotFound("No such container: %s", before.Name)
	}
	if _, err := c.box.reserve(name, before.ID); err != nil {
		return err
	}
	c.box.mu.Lock()
	delete(c.box.names, before.Name)
	c.box.mu.Unlock()
	c.mu.Lock()
	err := c.set(func(r *record) { r.Name = name })
	c.mu.Unlock()
	if err != nil {
		return err
	}
	c.tell(apievents.ActionRename, map[string]string{"oldName": "/" + before.Name})
	return noContent(w)
}

// serveUpdate changes the restart policy and the recorded limits.
func (c *container) serveUpdate(w http.ResponseWriter, r *http.Request) error {
	update := api.UpdateConfig{}
	if err := body(r, &update); err != nil {
		return err
	}
	if update.RestartPolicy.Name != "" {
		if err := api.ValidateRestartPolicy(update.RestartPolicy); err != nil {
			return status.Invalid("%v", err)
		}
	}
	c.transition.Lock()
	defer c.transition.Unlock()
	host := *c.copy().HostConfig
	if update.RestartPolicy.Name != "" {
		if host.AutoRemove && !update.RestartPolicy.IsNone() {
			return status.Conflict("Restart policy cannot be updated because AutoRemove is enabled for the container")
		}
		host.RestartPolicy = update.RestartPolicy
	}
	host.Memory, host.NanoCPUs = cmp.Or(update.Memory, host.Memory), cmp.Or(update.NanoCPUs, host.NanoCPUs)
	if err := c.box.checkSize(&host); err != nil {
		return err
	}
	c.mu.Lock()
	err := c.set(func(r *record) { r.HostConfig = &host })
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, api.UpdateResponse{Warnings: []string{}})
}
