package durable

import (
	"cmp"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/internal/history"
	"github.com/overcloud/overcloud/internal/influx"
)

// archives opens a service's InfluxDB.
type archives struct {
	own influx.Config // of the worker
}

// Open implements activities.Archives.
func (a archives) Open(place history.Place, token string) (activities.Archive, error) {
	return influx.New(influx.Config{
		URL: cmp.Or(a.own.URL, place.URL), Org: cmp.Or(a.own.Org, place.Org, "overcloud"), Bucket: place.Bucket,
		Token: cmp.Or(token, a.own.Token),
	})
}
