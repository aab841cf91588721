using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>A tensor whose elements are stretches of others', one after the other.</summary>
/// <param name="segments">Where each stretch lies.</param>
internal sealed class SegmentedTensor(IReadOnlyList<(TensorContent Content, long First, long Count)> segments) : TensorContent
{
    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(segments, memory);

    private sealed class Reader(IReadOnlyList<(TensorContent Content, long First, long Count)> segments, WindowMemory memory) : TensorReader
    {
        private TensorReader? _reader;
        private int _segment = -1;
        private long _begin;

        public override void Read(long start, Span<float> destination, long until)
        {
            while (!destination.IsEmpty)
            {
                Seek(start);
                var (_, first, count) = segments[_segment];
                var within = start - _begin;
                var own = (int)Math.Min(destination.Length, count - within);
                _reader!.Read(first + within, destination[..own], first + Math.Min(count, Math.Max(within + own, until - _begin)));
                destination = destination[own..];
                start += own;
            }
        }

        // One reader at a time has the thread's memory.
        private void Seek(long element)
        {
            if (_segment >= 0 && element >= _begin && element < _begin + segments[_segment].Count)
                return;
            if (_segment < 0 || element < _begin)
                (_segment, _begin) = (0, 0);
            while (element >= _begin + segments[_segment].Count)
                _begin += segments[_segment++].Count;
            _reader = segments[_segment].Content.NewReader(memory);
        }
    }
}
