package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Sender writes one topic's records in the order of the calls, several batches at a time. Unlike a Producer it never
// gives up on a record that the broker may have: it waits, for hours if need be, until the broker says so, and so
// doubles none while the process lives. Whoever closes it with records on their way does not know which of them
// arrived, and finds out by Between.
//
// A Sender has connections of its own: one that waits holds up no other.
type Sender struct {
	config Config
	topic  string
	client *kgo.Client
}

// A sender's client is small: it lives on a Pi beside three more.
const (
	senderBuffered = 16 << 10 // records; more than its owner sends at once
	senderReadMost = 8 << 20  // bytes of an answer; those to produce requests have some hundred
	// A batch that its owner hands over at once travels in one request for each broker.
	senderLinger = time.Millisecond
)

// NewSender makes a sender; it does not dial. Errors are ErrInvalid.
func NewSender(cfg Config, topic string) (*Sender, error) {
	client, err := cfg.client(
		kgo.MaxBufferedRecords(senderBuffered), kgo.BrokerMaxReadBytes(senderReadMost),
		kgo.ProducerLinger(senderLinger), kgo.UnknownTopicRetries(-1), kgo.DisableClientMetrics(),
		kgo.ProducerBatchCompression(kgo.SnappyCompression(), kgo.NoCompression()),
	)
	if err != nil {
		return nil, err
	}
	return &Sender{config: cfg, topic: cfg.Name(topic), client: client}, nil
}

// Flight is one batch on its way. It may be sent again once Done: its memory is used anew then.
type Flight struct {
	done chan struct{}
	slab []kgo.Record

	mu     sync.Mutex
	left   int
	places Places
	failed map[*kgo.Record]error
}

// Send starts a batch. The records' keys and values must stay as they are until the flight is done. The topic of
// the records is the sender's.
func (s *Sender) Send(f *Flight, records []Record) {
	f.done, f.left, f.failed = make(chan struct{}), len(records), nil
	f.places = f.places.reset()
	if len(records) == 0 {
		close(f.done)
		return
	}
	if cap(f.slab) < len(records) {
		f.slab = make([]kgo.Record, len(records))
	}
	f.slab = f.slab[:len(records)]
	for i, record := range records {
		out := &f.slab[i]
		*out = kgo.Record{Topic: s.topic, Key: record.Key, Value: record.Value, Timestamp: record.Time, Headers: out.Headers[:0]}
		for name, value := range record.Headers {
			out.Headers = append(out.Headers, kgo.RecordHeader{Key: name, Value: []byte(value)})
		}
		// No context: nobody may take back what the broker may have.
		s.client.Produce(context.Background(), out, f.landed)
	}
}

func (f *Flight) landed(record *kgo.Record, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case err == nil:
		f.places = f.places.reach(record.Partition, record.Offset+1)
	case f.failed == nil:
		f.failed = map[*kgo.Record]error{record: err}
	default:
		f.failed[record] = err
	}
	if f.left--; f.left == 0 {
		close(f.done)
	}
}

// Done is closed when the broker has said something about each record.
func (f *Flight) Done() <-chan struct{} { return f.done }

// Places is how far the records of a flight that is done reach into their partitions.
func (f *Flight) Places() Places { return f.places }

// Failed is why record i of a flight that is done did not arrive; nil when it did. Errors: ErrRejected (the record
// will never be taken), ErrUnauthorised, the closed client's.
func (f *Flight) Failed(i int) error {
	err := f.failed[&f.slab[i]]
	if err == nil {
		return nil
	}
	return explain(context.Background(), err, "send to %s", f.slab[i].Topic)
}

// AnyFailed says whether some record did not arrive.
func (f *Flight) AnyFailed() bool { return len(f.failed) > 0 }

// Answers asks the broker whether it knows the topic and who leads it. Errors: ErrUnreachable, ErrNotFound,
// ErrUnauthorised.
func (s *Sender) Answers(ctx context.Context) error {
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(s.topic)
	request.Topics = append(request.Topics, topic)
	answer, err := request.RequestWith(ctx, s.client)
	for i := 0; err == nil && i < len(answer.Topics); i++ {
		err = kerr.ErrorForCode(answer.Topics[i].ErrorCode)
		for j := 0; err == nil && j < len(answer.Topics[i].Partitions); j++ {
			err = kerr.ErrorForCode(answer.Topics[i].Partitions[j].ErrorCode)
		}
	}
	return explain(ctx, err, "ask Kafka at %s for topic %s", s.config.where(), s.topic)
}

// Close gives up what is on its way: its flights end with errors, and some of their records may have arrived.
func (s *Sender) Close() { s.client.Close() }
