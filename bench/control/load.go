package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/overcloud/overcloud/internal/kafka"
	"github.com/overcloud/overcloud/internal/wire"
)

// intents says where the machines stand, as the workflows would.
func (b *bench) intents(ctx context.Context) error {
	now := time.Now()
	policy, err := json.Marshal(rooms(options{Rooms: 1, Every: b.o.Every})[0].Policy)
	if err != nil {
		return err
	}
	var records []kafka.Record
	for i := range b.o.Rooms {
		intent := wire.Intent{Room: roomName(i), Revision: now.UnixMilli(), TimeMillis: now.UnixMilli(), Policy: policy}
		for m := range b.o.Machines {
			intent.ACs = append(intent.ACs, wire.IntentAC{AC: "ac" + strconv.Itoa(m+1), Auto: 24, Desired: 24, CommandRevision: now.Unix(), Reason: "start"})
		}
		records = append(records, kafka.Record{Topic: wire.TopicIntent, Key: []byte(intent.Room), Value: wire.Encode(intent)})
	}
	for some := range slices.Chunk(records, 5000) {
		if err := b.producer.Produce(ctx, some...); err != nil {
			return err
		}
	}
	return nil
}

// load lets every sensor speak in its turn: the rooms' moments are spread over the interval.
func (b *bench) load(ctx context.Context) {
	const steps = 500
	ticker := time.NewTicker(b.o.Every / steps)
	defer ticker.Stop()
	for step := 0; ; step++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var records []kafka.Record
		for i := step % steps; i < b.o.Rooms; i += steps {
			celsius := 25.8
			if b.waits(i) { // its sensors do not say both within one poll
				celsius = 34
			}
			records = append(records, b.speak(i, celsius)...)
		}
		go func() {
			if err := b.producer.Produce(ctx, records...); err != nil && ctx.Err() == nil {
				fmt.Fprintln(os.Stderr, "bench/control: the load:", err)
			}
		}()
	}
}

// waits says that a room's emergency has not been commanded yet.
func (b *bench) waits(room int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, hot := b.hot[roomName(room)]
	return hot
}

// speak is one reading of each sensor of a room, and of the meters.
func (b *bench) speak(room int, celsius float64) []kafka.Record {
	now := time.Now()
	var records []kafka.Record
	for s := range b.o.Sensors {
		records = append(records, kafka.Record{Topic: wire.TopicTemp, Key: []byte(roomName(room)), Value: wire.AppendReading(nil, wire.Reading{
			Sensor: room*b.o.Sensors + s + 1, At: now, Celsius: celsius + float64(rand.IntN(5)-2)/10, Humidity: 45, HasHumidity: true,
		})})
	}
	for m := 0; b.o.Meters && m < b.o.Machines; m++ {
		p := wire.Power{Room: roomName(room), AC: "ac" + strconv.Itoa(m+1), Watts: 800 + 100*rand.Float64(), TimeMillis: now.UnixMilli()}
		records = append(records, kafka.Record{Topic: wire.TopicPower, Key: wire.ControlKey(p.Room, p.AC), Value: wire.Encode(p)})
	}
	return records
}

// emergencies heats one room after another: all its sensors are critical at once.
func (b *bench) emergencies(ctx context.Context) {
	for _, room := range rand.Perm(b.o.Rooms) {
		if !sleep(ctx, time.Duration((0.5+rand.Float64())/b.o.Rate*float64(time.Second))) {
			return
		}
		records := b.speak(room, 34)
		b.mu.Lock()
		b.hot[roomName(room)] = time.Now()
		b.mu.Unlock()
		go func() { _ = b.producer.Produce(context.WithoutCancel(ctx), records...) }() // one that is lost shows as one without a command
	}
}

// watch sees the commands of emergencies.
func (b *bench) watch(ctx context.Context, config kafka.Config) {
	tail, err := kafka.NewTail(config, time.Now(), wire.TopicControl)
	if err != nil {
		return
	}
	defer tail.Close()
	for {
		records, err := tail.Poll(ctx)
		if err != nil {
			return
		}
		now := time.Now()
		b.mu.Lock()
		for _, record := range records {
			room, _, _ := strings.Cut(string(record.Key), "/")
			if since, waits := b.hot[room]; waits {
				b.took = append(b.took, now.Sub(since))
				delete(b.hot, room)
			}
		}
		b.mu.Unlock()
	}
}
