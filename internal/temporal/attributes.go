package temporal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/overcloud/overcloud/internal/fault"
	"github.com/overcloud/overcloud/workflows"
)

// A namespace learns of a new search attribute when its servers read its settings again, which they do every few
// seconds: asked each usableEvery, given up after usableMost.
const (
	usableEvery = 200 * time.Millisecond
	usableMost  = 60 * time.Second
)

// EnsureAttributes makes the search attributes of our workflows known to the namespace, and returns when they can be
// used: a workflow that writes one which is missing cannot go on. Those that are there are left as they are, so any
// number of workers may do this at once. Errors: ErrInvalid when one is there with another type, ErrUnauthorised when
// the namespace lets nobody add them (each with the command line for whoever may), ErrUnreachable.
func (c *Client) EnsureAttributes(ctx context.Context) error {
	missing, err := c.missingAttributes(ctx)
	if err != nil || len(missing) == 0 {
		return err
	}
	add := &operatorservice.AddSearchAttributesRequest{Namespace: c.namespace, SearchAttributes: map[string]enumspb.IndexedValueType{}}
	for _, one := range missing {
		add.SearchAttributes[one.Name] = one.Type
	}
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err = c.sdk.OperatorService().AddSearchAttributes(within, add)
	var exists *serviceerror.AlreadyExists // another worker was faster
	if err != nil && !errors.As(err, &exists) {
		return c.refused(err, missing)
	}
	return c.awaitAttributes(ctx)
}

// missingAttributes are those that the namespace does not have.
func (c *Client) missingAttributes(ctx context.Context) ([]workflows.Attribute, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all := workflows.Attributes()
	listed, err := c.sdk.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: c.namespace})
	if err != nil {
		return nil, c.refused(err, all)
	}
	var missing []workflows.Attribute
	for _, one := range all {
		has, found := listed.GetCustomAttributes()[one.Name]
		switch {
		case !found:
			missing = append(missing, one)
		case has != one.Type:
			return nil, say(fault.ErrInvalid, "namespace %s has the search attribute %s as %s and not as %s: remove it with `temporal operator search-attribute remove --name %s --namespace %s`",
				c.namespace, one.Name, has, one.Type, one.Name, c.namespace)
		}
	}
	return missing, nil
}

// refused is why attributes could not be listed or added, with what a person who may can do.
func (c *Client) refused(err error, missing []workflows.Attribute) error {
	known := c.fault(err, "namespace "+c.namespace)
	if errors.Is(known, fault.ErrUnreachable) || errors.Is(known, fault.ErrNotFound) || errors.Is(err, context.Canceled) {
		return known
	}
	line := "temporal operator search-attribute create --namespace " + c.namespace
	for _, one := range missing {
		line += fmt.Sprintf(" --name %s --type %s", one.Name, one.Type)
	}
	return say(fault.ErrUnauthorised, "namespace %s does not let this worker add its search attributes (%s): somebody who may runs `%s`",
		c.namespace, strings.TrimSuffix(err.Error(), "."), line)
}

// awaitAttributes returns when a query may name each attribute.
func (c *Client) awaitAttributes(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, usableMost)
	defer cancel()
	query := workflows.AttributeRevision + " = 0"
	for _, one := range workflows.Attributes() {
		if one.Name != workflows.AttributeRevision {
			query += " OR " + one.Name + ` = ""`
		}
	}
	request := &workflowservice.CountWorkflowExecutionsRequest{Namespace: c.namespace, Query: query}
	for {
		_, err := c.sdk.CountWorkflow(ctx, request)
		var unknown *serviceerror.InvalidArgument
		if err == nil || !errors.As(err, &unknown) {
			return c.fault(err, "namespace "+c.namespace)
		}
		select {
		case <-ctx.Done():
			return say(fault.ErrUnreachable, "namespace %s did not take its new search attributes into use within %s: %s", c.namespace, usableMost, unknown.Message)
		case <-time.After(usableEvery):
		}
	}
}
