package docker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/overcloud/overcloud/activities"
)

// pullLine is one line of the engine's answer to a pull.
type pullLine struct {
	ID       string `json:"id"`
	Status   string `json:"status"`
	Progress struct {
		Current int64 `json:"current"`
		Total   int64 `json:"total"`
	} `json:"progressDetail"`
	Error  string `json:"error"`
	Detail struct {
		Message string `json:"message"`
	} `json:"errorDetail"`
}

// pulling adds up the lines.
type pulling struct {
	size   int64 // bytes, as the registry's manifest says; zero when nobody knows
	layers map[string]*layer
	order  []string // of the layers, as the engine named them
	status string
}

type layer struct {
	bytes, total int64
	extracted    int64 // in whatever unit the engine counts: bytes, or seconds with containerd's store
	status       string
}

// readPull follows an answer to its end. The error is the one in the stream, in its own words.
func readPull(stream io.Reader, size int64, progress func(activities.PullProgress)) error {
	decoder := json.NewDecoder(stream)
	state := pulling{size: size, layers: map[string]*layer{}}
	for {
		var line pullLine
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("answer of the engine broke off: %w", err)
		}
		if line.Detail.Message != "" {
			return errors.New(line.Detail.Message)
		}
		if line.Error != "" {
			return errors.New(line.Error)
		}
		state.add(line)
		if progress != nil {
			progress(state.sum())
		}
	}
}

// stage is what a line's status means for its layer; empty when it is about no layer.
func stage(status string) string {
	switch status {
	case "Pulling fs layer", "Waiting":
		return activities.LayerWaiting
	case "Downloading":
		return activities.LayerDownloading
	case "Verifying Checksum", "Download complete":
		return activities.LayerDownloaded
	case "Extracting":
		return activities.LayerExtracting
	case "Already exists", "Pull complete":
		return activities.LayerDone
	}
	return ""
}

func (p *pulling) add(line pullLine) {
	p.status = line.Status
	stage := stage(line.Status)
	if stage == "" || line.ID == "" {
		return
	}
	one := p.layers[line.ID]
	if one == nil {
		one = &layer{}
		p.layers[line.ID] = one
		p.order = append(p.order, line.ID)
	}
	one.status = stage
	switch line.Status {
	case "Downloading":
		one.bytes, one.total = line.Progress.Current, max(one.total, line.Progress.Total)
	case "Download complete":
		one.bytes = max(one.bytes, one.total)
	case "Extracting":
		one.extracted = line.Progress.Current
	}
}

// mostLayers bounds the layers of one heartbeat: no screen shows more, and images of more than 32 are rare.
const mostLayers = 32

func (p *pulling) sum() activities.PullProgress {
	all := activities.PullProgress{Status: p.status, Layers: len(p.order)}
	known := len(p.order) > 0
	for _, id := range p.order {
		one := p.layers[id]
		done := one.status == activities.LayerDone
		if done {
			all.LayersDone++
		}
		known = known && (done || one.total > 0)
		all.Bytes += one.bytes
		all.TotalBytes += one.total
		all.Extracted += one.extracted
		if len(all.Each) < mostLayers {
			all.Each = append(all.Each, activities.LayerProgress{ID: id, Bytes: one.bytes, Total: one.total, Status: one.status})
		}
	}
	if !known { // an engine says how long a layer is when it begins with it
		all.TotalBytes = max(all.TotalBytes, p.size)
	}
	return all
}
