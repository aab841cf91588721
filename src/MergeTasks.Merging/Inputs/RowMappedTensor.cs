using MergeTasks.Checkpoints.Elements;
using MergeTasks.Methods.Kernels;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A matrix (or vector) whose rows are taken from those of one model's, and of others' where that has none; rearranged as it is read.
/// </summary>
/// <param name="own">The model's own matrix.</param>
/// <param name="others">The matrices of the models that fill rows, by their place.</param>
/// <param name="map">Which row comes from where.</param>
/// <param name="columns">Elements of a row.</param>
internal sealed class RowMappedTensor(TensorContent own, IReadOnlyDictionary<int, TensorContent> others, RowMap map, long columns)
    : TensorContent
{
    private readonly Lazy<float[]> _mean = new(() => MeanOf(own, others, map, columns));

    public override DType DType => DType.F32;

    public override TensorReader NewReader(WindowMemory memory) => new Reader(own, others, map, columns, _mean, memory);

    // In the order of rows, with double precision, so that it does not depend on who asks first.
    private static float[] MeanOf(TensorContent own, IReadOnlyDictionary<int, TensorContent> others, RowMap map, long columns)
    {
        var reader = new Reader(own, others, map, columns, null, new WindowMemory());
        var row = new float[checked((int)columns)];
        var sums = new double[row.Length];
        var count = 0;
        for (var i = 0; i < map.Own.Length; i++)
        {
            if (!map.IsToken[i] || (map.Own[i] < 0 && ReferenceEquals(map.Fills[i], RowFill.Mean)))
                continue;
            reader.Read(i * columns, row, (i + map.OwnRun(i)) * columns);
            for (var j = 0; j < row.Length; j++)
                sums[j] += row[j];
            count++;
        }

        return Array.ConvertAll(sums, sum => (float)(sum / Math.Max(1, count)));
    }

    private sealed class Reader(
        TensorContent own,
        IReadOnlyDictionary<int, TensorContent> others,
        RowMap map,
        long columns,
        Lazy<float[]>? mean,
        WindowMemory memory) : TensorReader
    {
        private readonly TensorReader _own = own.NewReader(memory);
        private readonly Dictionary<int, TensorReader> _others = [];
        private float[] _part = [];

        public override void Read(long start, Span<float> destination, long until)
        {
            while (!destination.IsEmpty)
            {
                var (row, column) = ((int)(start / columns), start % columns);
                var count = (int)Math.Min(destination.Length, columns - column);
                if (map.Own[row] >= 0)
                {
                    // Neighbouring rows are read at once, up to where they stop being neighbours.
                    var left = (map.OwnRun(row) * columns) - column;
                    count = (int)Math.Min(destination.Length, left);
                    var from = (map.Own[row] * columns) + column;
                    _own.Read(from, destination[..count], from + Math.Min(left, Math.Max(count, until - start)));
                }
                else
                {
                    Fill(map.Fills[row], column, destination[..count]);
                }

                destination = destination[count..];
                start += count;
            }
        }

        private void Fill(RowFill fill, long column, Span<float> values)
        {
            if (ReferenceEquals(fill, RowFill.Mean))
            {
                mean!.Value.AsSpan((int)column, values.Length).CopyTo(values);
                return;
            }

            values.Clear();
            for (var i = 0; i < fill.Rows.Count; i++)
            {
                var (model, row) = fill.Rows[i];
                if (i == 0)
                {
                    ReadOther(model, (row * columns) + column, values);
                    continue;
                }

                if (_part.Length < values.Length)
                    _part = new float[values.Length];
                ReadOther(model, (row * columns) + column, _part.AsSpan(0, values.Length));
                BlockMath.Add(values, _part.AsSpan(0, values.Length));
            }

            if (fill.Rows.Count > 1)
                System.Numerics.Tensors.TensorPrimitives.Divide(values, fill.Rows.Count, values);
        }

        private void ReadOther(int model, long start, Span<float> values)
        {
            if (!_others.TryGetValue(model, out var reader))
                _others[model] = reader = others[model].NewReader(new WindowMemory());
            reader.Read(start, values, start + values.Length);
        }
    }
}
