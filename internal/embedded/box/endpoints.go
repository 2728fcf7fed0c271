package box

import (
	"net/http"

	"github.com/docker/docker/api/types/network"

	"github.com/overcloud/overcloud/internal/embedded/box/status"
)

func (b *Box) connect(w http.ResponseWriter, r *http.Request) error {
	request := network.ConnectOptions{}
	if err := body(r, &request); err != nil {
		return err
	}
	n, c, err := b.ends(r, request.Container)
	if err != nil {
		return err
	}
	endpoint := &network.EndpointSettings{}
	if request.EndpointConfig != nil {
		endpoint = request.EndpointConfig.Copy()
	}
	endpoint.NetworkID, endpoint.EndpointID = n.ID, newID()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.record.Networks[n.Name] != nil {
		return status.Forbidden("endpoint with name %s already exists in network %s", c.record.Name, n.Name)
	}
	if err := c.set(func(r *record) { r.Networks[n.Name] = endpoint }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (b *Box) disconnect(w http.ResponseWriter, r *http.Request) error {
	request := network.DisconnectOptions{}
	if err := body(r, &request); err != nil {
		return err
	}
	n, c, err := b.ends(r, request.Container)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.record.Networks[n.Name] == nil {
		return status.Forbidden("container %s is not connected to network %s", c.record.ID, n.Name)
	}
	if err := c.set(func(r *record) { delete(r.Networks, n.Name) }); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// ends are the network and the container of a connection.
func (b *Box) ends(r *http.Request, name string) (networkRecord, *container, error) {
	n, err := b.findNetwork(r.PathValue("id"))
	if err != nil {
		return n, nil, err
	}
	c, err := b.find(name)
	if err != nil {
		return n, nil, err
	}
	if !ownAddress(c.copy().HostConfig.NetworkMode) {
		return n, nil, status.Conflict("container %s shares an address and cannot join a network", c.copy().Name)
	}
	return n, c, nil
}
