package follow

import (
	"fmt"
	"strings"
	"time"

	"github.com/overcloud/overcloud/activities"
	"github.com/overcloud/overcloud/starter/screen"
)

// barWidth is the bar's, in columns: two thirds of a line are the title and the numbers.
const barWidth = 12

// pullDetail is a running pull on one line: a bar, bytes, rate, how long it still takes, layers.
func pullDetail(p activities.PullProgress) string {
	if p.TotalBytes <= 0 {
		return ""
	}
	parts := []string{bar(p.Bytes, p.TotalBytes), fmt.Sprintf("%s/%s", number(p.Bytes), megabytes(p.TotalBytes))}
	switch {
	case p.Layers == 0:
		return strings.Join(append(parts, "asks "+p.From), "  ")
	case p.Bytes >= p.TotalBytes:
		parts = append(parts, "unpacks")
	default:
		parts = append(parts, megabytes(int64(p.Rate))+"/s")
	}
	if left := leftOf(p); left > 0 {
		parts = append(parts, left.String()+" left")
	}
	parts = append(parts, fmt.Sprintf("layers %d/%d", p.LayersDone, p.Layers)) // last: a narrow terminal cuts it off
	return strings.Join(parts, "  ")
}

// leftOf is how long the rest takes at the present rate, rounded as people count; zero when nobody can say.
func leftOf(p activities.PullProgress) time.Duration {
	const least = 1000 // bytes a second: below that the time would be a guess
	if p.Rate < least || p.Bytes >= p.TotalBytes {
		return 0
	}
	left := time.Duration(float64(p.TotalBytes-p.Bytes) / p.Rate * float64(time.Second))
	switch {
	case left > time.Hour:
		return left.Round(10 * time.Minute)
	case left > time.Minute:
		return left.Round(10 * time.Second)
	}
	return max(left.Round(time.Second), time.Second)
}

// fewLayers is how many layers are still looked at one by one.
const fewLayers = 6

// layersOf are the layers of a pull that are under way, when they are few.
func layersOf(id string, p activities.PullProgress) []screen.Line {
	var lines []screen.Line
	for _, layer := range p.Each {
		if layer.Status == activities.LayerDone || layer.Status == activities.LayerWaiting {
			continue
		}
		detail := layer.Status
		if layer.Status == activities.LayerDownloading && layer.Total > 0 {
			detail = bar(layer.Bytes, layer.Total) + "  " + number(layer.Bytes) + "/" + megabytes(layer.Total)
		}
		lines = append(lines, screen.Line{ID: id + "/" + layer.ID, Title: "layer " + layer.ID, State: screen.Running, Detail: detail})
	}
	if len(lines) > fewLayers {
		return nil
	}
	return lines
}

func bar(done, all int64) string {
	full := int(min(max(done, 0), all) * barWidth / all)
	return "[" + strings.Repeat("#", full) + strings.Repeat("-", barWidth-full) + "]"
}

// number and megabytes write sizes of images in the unit of registries, 10^6 bytes.
func number(n int64) string    { return fmt.Sprintf("%.1f", float64(n)/1e6) }
func megabytes(n int64) string { return number(n) + " MB" }
