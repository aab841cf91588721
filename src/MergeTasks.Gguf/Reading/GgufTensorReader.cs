using MergeTasks.Checkpoints.Elements;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Gguf.Quantization;

namespace MergeTasks.Gguf.Reading;

/// <summary>Where a checkpoint's tensor comes from.</summary>
/// <param name="Shape">Its dimensions.</param>
internal sealed record GgufOrigin(IReadOnlyList<long> Shape)
{
    /// <summary>The file's tensors that it is made from, the part's first row in each, and the part as it would be written.</summary>
    public List<(GgufTensor Tensor, int First, MatrixPart Part)> Parts { get; } = [];

    /// <summary>Whether each element has a place in the file.</summary>
    public bool IsComplete => Parts.Sum(part => (long)part.Part.Rows * part.Part.Columns) == Shape.ElementCount();

    /// <summary>Elements of a row: those that lie one after the other in the checkpoint.</summary>
    public int Columns => Parts[0].Part.StoredColumns is > 0 and var stored ? stored : (int)Shape[^1];
}

/// <summary>Reads one tensor, any range of its elements, on one thread: undoes what was done to each part, a row at a time.</summary>
internal sealed class GgufTensorReader
{
    private readonly GgufFile _file;
    private readonly GgufOrigin _origin;
    private readonly float[] _row;

    // The pieces of each row as a list: a row is one row of the file, parts of several, or a column of all rows of a part.
    private readonly int[] _first;
    private readonly List<(int Part, int Place, int Next)> _pieces = [];

    // Parts whose rows are columns here, dequantised until others are asked for.
    private readonly Dictionary<string, (int Part, float[] Elements)> _turned = [];
    private float[] _stored = [];
    private byte[] _bytes = [];
    private int _current = -1;

    /// <summary>A reader.</summary>
    /// <param name="file">The file.</param>
    /// <param name="origin">Where the tensor comes from.</param>
    public GgufTensorReader(GgufFile file, GgufOrigin origin)
    {
        (_file, _origin, _row) = (file, origin, new float[origin.Columns]);
        _first = new int[origin.Shape.ElementCount() / origin.Columns];
        Array.Fill(_first, -1);
        foreach (var (index, (_, _, part)) in origin.Parts.Index())
        {
            var at = (int)(part.First / origin.Columns);
            for (var i = 0; i < (part.StoredColumns > 0 ? part.Columns : part.Rows); i++)
            {
                var row = at + (part.StoredColumns > 0 ? i : part.RowOf?.Invoke(i) ?? i);
                _pieces.Add((index, i, _first[row]));
                _first[row] = _pieces.Count - 1;
            }
        }
    }

    /// <summary>Fills memory with elements from a place on.</summary>
    public void Read(long start, Span<float> destination)
    {
        while (!destination.IsEmpty)
        {
            var (row, column) = ((int)(start / _row.Length), (int)(start % _row.Length));
            if (row != _current)
                ReadRow(row);
            var count = Math.Min(destination.Length, _row.Length - column);
            _row.AsSpan(column, count).CopyTo(destination);
            destination = destination[count..];
            start += count;
        }
    }

    private void ReadRow(int row)
    {
        for (var piece = _first[row]; piece >= 0; piece = _pieces[piece].Next)
        {
            var (index, place, _) = _pieces[piece];
            var (tensor, first, part) = _origin.Parts[index];
            if (part.StoredColumns > 0)
            {
                var whole = Turned(index);
                for (var i = 0; i < part.Rows; i++)
                    _row[part.RowOf?.Invoke(i) ?? i] = whole[place * part.Rows + i];
                continue;
            }

            Decode(tensor, first + place, part);
            for (var i = 0; i < part.Columns; i++)
                _row[part.ColumnOf?.Invoke(i) ?? i] = _stored[i];
        }

        _current = row;
    }

    // Of a stack one place at a time is kept.
    private float[] Turned(int index)
    {
        var (tensor, first, part) = _origin.Parts[index];
        if (_turned.TryGetValue(tensor.Name, out var known) && known.Part == index)
            return known.Elements;
        var whole = new float[part.Rows * part.Columns];
        for (var row = 0; row < part.Rows; row++)
        {
            Decode(tensor, first + row, part);
            for (var i = 0; i < part.Columns; i++)
                whole[i * part.Rows + row] = _stored[i];
        }

        _turned[tensor.Name] = (index, whole);
        return whole;
    }

    private void Decode(GgufTensor tensor, int row, MatrixPart part)
    {
        var bytes = (int)tensor.Type.BytesOf(part.Columns);
        if (_stored.Length < part.Columns)
            _stored = new float[part.Columns];
        if (_bytes.Length < bytes)
            _bytes = new byte[bytes];
        var elements = _stored.AsSpan(0, part.Columns);
        _file.Read(tensor.Name, (long)row * bytes, _bytes.AsSpan(0, bytes));
        BlockEncoding.Decode(tensor.Type, _bytes.AsSpan(0, bytes), elements);
        if (part.Factor == 1 && part.Offset == 0)
            return;
        for (var i = 0; i < elements.Length; i++)
            elements[i] = elements[i] / part.Factor - part.Offset;
    }
}
