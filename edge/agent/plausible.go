package agent

import (
	"time"

	"github.com/overcloud/overcloud/edge/plausible"
)

// How long a sensor may be doubted before it becomes an alert. A true step is believed after 20 s.
const (
	badPatience      = 30 * time.Second
	humidityPatience = 10 * time.Minute
)

// doubts is what is held against one sensor.
type doubts struct {
	judge            plausible.Judge
	sensor, humidity plausible.Trouble
}

func newDoubts(p Plausible) doubts {
	return doubts{judge: plausible.Judge{Limits: plausible.Limits(p)}}
}
