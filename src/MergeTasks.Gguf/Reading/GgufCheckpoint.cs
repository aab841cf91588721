using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Gguf.Format;
using MergeTasks.Gguf.Models;
using MergeTasks.Gguf.Quantization;

namespace MergeTasks.Gguf.Reading;

/// <summary>
/// The tensors of a GGUF file under the names that Hugging Face's checkpoints have: dequantised, rows in their order, norms without what
/// the format adds. It undoes what <see cref="DecoderExport"/> would do, tensor by tensor, as it is read.
/// </summary>
internal sealed class GgufCheckpoint : IDisposable
{
    private readonly GgufFile _file;
    private readonly Dictionary<string, Origin> _tensors = new(StringComparer.Ordinal);

    private GgufCheckpoint(GgufFile file) => _file = file;

    /// <summary>Full path.</summary>
    public string Path => _file.Path;

    /// <summary>The names of all tensors, in ordinal order.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    /// <summary>The file.</summary>
    public GgufFile File => _file;

    /// <summary>Opens a file; no tensor is read.</summary>
    /// <exception cref="GgufException">It breaks the format's rules, or is of an architecture that is not read.</exception>
    public static GgufCheckpoint Open(string path)
    {
        var file = GgufFile.Open(path);
        try
        {
            var checkpoint = new GgufCheckpoint(file);
            checkpoint.Map();
            return checkpoint;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>A tensor's type and shape; <see langword="null"/> where there is none of that name.</summary>
    public TensorSpec? Find(string name) => _tensors.TryGetValue(name, out var origin)
        ? new TensorSpec(name, DTypeOf(origin.Rows[0].Tensor.Type), origin.Shape) : null;

    /// <summary>Names of the file's tensors that one is made from.</summary>
    public IEnumerable<string> PartsOf(string name) => _tensors[name].Rows.Select(row => row.Tensor.Name).Distinct();

    /// <summary>Begins reading a tensor on one thread.</summary>
    public GgufTensorReader NewReader(string name) => new(_file, _tensors[name]);

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static DType DTypeOf(GgmlType type) => type switch
    {
        GgmlType.F32 => DType.F32,
        GgmlType.F16 => DType.F16,
        _ => DType.BF16,
    };

    private void Map()
    {
        var (tensors, shapes) = GgufModel.TensorsOf(GgufConfig.Of(_file), Path);
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors.Where(tensor => tensor.Constant is null))
        {
            if (!_file.Tensors.TryGetValue(tensor.Place.Name, out var stored))
                throw new GgufException(GgufError.WrongTensor, $"has no tensor '{tensor.Place.Name}'");
            if (!stored.Tensor.Shape.SequenceEqual(tensor.Place.Shape))
            {
                throw new GgufException(
                    GgufError.WrongTensor,
                    $"has '{tensor.Place.Name}' as {TensorInfo.Shown(stored.Tensor.Shape)}, and its keys call for "
                        + TensorInfo.Shown(tensor.Place.Shape));
            }

            used.Add(tensor.Place.Name);
            var first = 0;
            foreach (var part in tensor.Parts)
            {
                if (!_tensors.TryGetValue(part.Tensor, out var origin))
                {
                    var shape = shapes[part.Tensor];
                    var rows = shape.Count == 1 ? 1 : (int)shape[0];
                    _tensors[part.Tensor] = origin = new Origin(shape, new (GgufTensor, int, MatrixPart)[rows]);
                }

                for (var row = 0; row < part.Rows; row++)
                    origin.Rows[part.RowOf?.Invoke(row) ?? row] = (stored.Tensor, first + row, part);
                first += part.Rows;
            }
        }

        var other = _file.Tensors.Keys.FirstOrDefault(name => !used.Contains(name) && !name.StartsWith("rope_", StringComparison.Ordinal));
        if (other is not null)
            throw new GgufException(GgufError.WrongTensor, $"has the tensor '{other}', which its architecture does not call for");
        if (_tensors.FirstOrDefault(tensor => Array.Exists(tensor.Value.Rows, row => row.Tensor is null)).Key is { } missing)
            throw new GgufException(GgufError.WrongTensor, $"lacks rows of '{missing}'");
    }

    /// <summary>Where a tensor's rows come from.</summary>
    /// <param name="Shape">Its dimensions.</param>
    /// <param name="Rows">For each row the file's tensor, the row there, and what was done to it.</param>
    internal sealed record Origin(IReadOnlyList<long> Shape, (GgufTensor Tensor, int Row, MatrixPart Part)[] Rows);
}

/// <summary>Reads one tensor, any range of its elements, on one thread.</summary>
/// <param name="file">The file.</param>
/// <param name="origin">Where its rows come from.</param>
internal sealed class GgufTensorReader(GgufFile file, GgufCheckpoint.Origin origin)
{
    private float[] _row = [];
    private byte[] _bytes = [];
    private int _current = -1;

    /// <summary>Fills memory with elements from a place on.</summary>
    public void Read(long start, Span<float> destination)
    {
        var columns = origin.Rows[0].Part.Columns;
        while (!destination.IsEmpty)
        {
            var (row, column) = ((int)(start / columns), (int)(start % columns));
            if (row != _current)
                ReadRow(row, columns);
            var count = Math.Min(destination.Length, columns - column);
            _row.AsSpan(column, count).CopyTo(destination);
            destination = destination[count..];
            start += count;
        }
    }

    private void ReadRow(int row, int columns)
    {
        var (tensor, stored, part) = origin.Rows[row];
        var bytes = (int)tensor.Type.BytesOf(columns);
        Array.Resize(ref _row, columns);
        Array.Resize(ref _bytes, bytes);
        file.Read(tensor.Name, (long)stored * bytes, _bytes);
        BlockEncoding.Decode(tensor.Type, _bytes, _row);
        if (part.ColumnOf is { } columnOf)
        {
            var turned = new float[columns];
            for (var column = 0; column < columns; column++)
                turned[columnOf(column)] = _row[column];
            _row = turned;
        }

        if (part.Factor != 1 || part.Offset != 0)
        {
            for (var column = 0; column < columns; column++)
                _row[column] = _row[column] / part.Factor - part.Offset;
        }

        _current = row;
    }
}
