package box

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"sort"
	"strings"
	"time"

	apievents "github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/network"

	"github.com/overcloud/overcloud/internal/embedded/box/images"
	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

// networkRecord is a network. On a process box it is a name and labels only: all containers reach one
// another by address, whatever networks they are in.
type networkRecord struct {
	Name    string            `json:"name"`
	ID      string            `json:"id"`
	Created time.Time         `json:"created"`
	Driver  string            `json:"driver"`
	Labels  map[string]string `json:"labels"`
	Options map[string]string `json:"options"`
}

func (b *Box) networkRoutes(handle func(string, handler)) {
	handle("GET /networks", b.listNetworks)
	handle("POST /networks/create", b.createNetwork)
	handle("POST /networks/prune", b.pruneNetworks)
	handle("GET /networks/{id}", func(w http.ResponseWriter, r *http.Request) error {
		n, err := b.findNetwork(r.PathValue("id"))
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, b.networkView(n))
	})
	handle("DELETE /networks/{id}", func(w http.ResponseWriter, r *http.Request) error {
		if err := b.removeNetwork(r.PathValue("id")); err != nil {
			return err
		}
		return noContent(w)
	})
	handle("POST /networks/{id}/connect", b.connect)
	handle("POST /networks/{id}/disconnect", b.disconnect)
}

func predefined() []string { return []string{network.NetworkBridge, network.NetworkHost} }

func (b *Box) loadNetworks() error {
	text, err := os.ReadFile(b.path("networks.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read its networks: %w", err)
	}
	var list []*networkRecord
	if len(text) > 0 {
		if err := json.Unmarshal(text, &list); err != nil {
			return fmt.Errorf("read its networks: %w", err)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range list {
		b.networks[n.ID] = n
	}
	if len(list) > 0 {
		return nil
	}
	for _, name := range predefined() {
		n := &networkRecord{Name: name, ID: newID(), Created: time.Now().UTC(), Driver: name}
		b.networks[n.ID] = n
	}
	return b.saveNetworks()
}

// saveNetworks needs b.mu.
func (b *Box) saveNetworks() error {
	list := make([]*networkRecord, 0, len(b.networks))
	for _, n := range b.networks {
		list = append(list, n)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Created.Before(list[j].Created) })
	text, err := json.MarshalIndent(list, "", " ")
	if err == nil {
		err = images.WriteFile(b.path("networks.json"), text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("keep the networks: %w", err)
	}
	return nil
}

// findNetwork looks one up by id, name, or a beginning of its id.
func (b *Box) findNetwork(name string) (networkRecord, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := b.networks[name]; n != nil {
		return *n, nil
	}
	var found *networkRecord
	for id, n := range b.networks {
		if n.Name == name {
			return *n, nil
		}
		if len(name) >= 4 && strings.HasPrefix(id, name) {
			found = n
		}
	}
	if found == nil {
		return networkRecord{}, status.NotFound("network %s not found", name)
	}
	return *found, nil
}

func (b *Box) networkView(n networkRecord) network.Inspect {
	view := network.Inspect{
		Name: n.Name, ID: n.ID, Created: n.Created, Scope: "local", Driver: n.Driver, EnableIPv4: true,
		Labels: n.Labels, Options: n.Options, Containers: map[string]network.EndpointResource{},
	}
	if view.Labels == nil {
		view.Labels = map[string]string{}
	}
	if view.Options == nil {
		view.Options = map[string]string{}
	}
	view.IPAM = network.IPAM{Driver: "default", Config: []network.IPAMConfig{{Subnet: b.ip(0) + "/24", Gateway: b.ip(1)}}}
	for _, record := range b.snapshot() {
		endpoint := record.Networks[n.Name]
		if endpoint == nil {
			continue
		}
		resource := network.EndpointResource{Name: record.Name, EndpointID: endpoint.EndpointID}
		if record.Address != 0 {
			resource.IPv4Address = b.ip(record.Address) + "/24"
		}
		view.Containers[record.ID] = resource
	}
	return view
}

func (b *Box) listNetworks(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "dangling", "driver", "id", "label", "name", "scope", "type")
	if err != nil {
		return err
	}
	b.mu.Lock()
	var all []networkRecord
	for _, n := range b.networks {
		all = append(all, *n)
	}
	b.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].Created.Before(all[j].Created) })
	list := []network.Summary{}
	for _, n := range all {
		kind := "custom"
		if slices.Contains(predefined(), n.Name) {
			kind = "builtin"
		}
		if args.ExactMatch("driver", n.Driver) && args.FuzzyMatch("id", n.ID) && args.MatchKVList("label", n.Labels) &&
			args.Match("name", n.Name) && args.ExactMatch("scope", "local") && args.ExactMatch("type", kind) {
			list = append(list, b.networkView(n))
		}
	}
	return reply(w, http.StatusOK, list)
}

func (b *Box) createNetwork(w http.ResponseWriter, r *http.Request) error {
	request := network.CreateRequest{}
	if err := body(r, &request); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(request.Name) == "":
		return status.Invalid("network name is missing")
	case request.Driver != "" && request.Driver != "bridge" && request.Driver != "default":
		return status.NotFound("could not find plugin %s in v1 plugin registry: a process box knows the driver bridge only", request.Driver)
	case request.Internal:
		return status.Invalid("network %s: a process box cannot make internal networks, since it isolates nothing", request.Name)
	}
	n := &networkRecord{
		Name: request.Name, ID: newID(), Created: time.Now().UTC(), Driver: "bridge",
		Labels: request.Labels, Options: request.Options,
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, other := range b.networks {
		if other.Name == n.Name {
			return status.Conflict("network with name %s already exists", n.Name)
		}
	}
	b.networks[n.ID] = n
	if err := b.saveNetworks(); err != nil {
		delete(b.networks, n.ID)
		return err
	}
	b.events.tell(apievents.NetworkEventType, apievents.ActionCreate, n.ID, map[string]string{"name": n.Name, "type": n.Driver})
	return reply(w, http.StatusCreated, network.CreateResponse{ID: n.ID, Warning: "Process box: networks are recorded, not isolated."})
}

func (b *Box) removeNetwork(name string) error {
	n, err := b.findNetwork(name)
	if err != nil {
		return err
	}
	if slices.Contains(predefined(), n.Name) {
		return status.Forbidden("%s is a pre-defined network and cannot be removed", n.Name)
	}
	if users := b.networkView(n).Containers; len(users) > 0 {
		return status.Forbidden("error while removing network: network %s has active endpoints", n.Name)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.networks, n.ID)
	b.events.tell(apievents.NetworkEventType, apievents.ActionDestroy, n.ID, map[string]string{"name": n.Name, "type": n.Driver})
	return b.saveNetworks()
}

func (b *Box) pruneNetworks(w http.ResponseWriter, r *http.Request) error {
	args, err := filtersOf(r, "label")
	if err != nil {
		return err
	}
	b.mu.Lock()
	var all []networkRecord
	for _, n := range b.networks {
		all = append(all, *n)
	}
	b.mu.Unlock()
	report := network.PruneReport{NetworksDeleted: []string{}}
	for _, n := range all {
		if args.MatchKVList("label", n.Labels) && b.removeNetwork(n.ID) == nil {
			report.NetworksDeleted = append(report.NetworksDeleted, n.Name)
		}
	}
	return reply(w, http.StatusOK, report)
}
