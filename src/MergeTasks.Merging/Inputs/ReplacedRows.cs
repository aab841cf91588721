using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Merging.Inputs;

/// <summary>A table with other rows for some tokens, put in as it is read.</summary>
/// <param name="table">The table.</param>
/// <param name="rows">The rows, one after the other; loaded once for all threads.</param>
/// <param name="tokens">The token of each row.</param>
/// <param name="columns">Elements of a row.</param>
internal sealed class ReplacedRows(TensorContent table, Func<float[]> rows, IReadOnlyList<int> tokens, long columns) : TensorContent
{
    private readonly Lazy<float[]> _rows = new(rows);
    private readonly SortedList<int, int> _places = new(Enumerable.Range(0, tokens.Count).ToDictionary(i => tokens[i]));

    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(table.NewReader(memory), this, columns);

    // The first replaced row that is not before the given one.
    private int FirstFrom(long row)
    {
        var (low, high) = (0, _places.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_places.Keys[middle] < row)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    private sealed class Reader(TensorReader table, ReplacedRows owner, long columns) : TensorReader
    {
        public override void Read(long start, Span<float> destination, long until)
        {
            table.Read(start, destination, until);
            var end = start + destination.Length;
            for (var i = owner.FirstFrom(start / columns); i < owner._places.Count; i++)
            {
                var first = owner._places.Keys[i] * columns;
                if (first >= end)
                    break;
                var (from, to) = (Math.Max(first, start), Math.Min(first + columns, end));
                owner._rows.Value.AsSpan((int)((owner._places.Values[i] * columns) + from - first), (int)(to - from))
                    .CopyTo(destination[(int)(from - start)..]);
            }
        }
    }
}
