using System.Globalization;
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
    // Without effect: the longest text, and a width that tensors show and that mixtures have twice.
    private static readonly string[] Uncompared = [".context_length", ".feed_forward_length"];

    private readonly GgufFile _file;
    private readonly Dictionary<string, GgufOrigin> _tensors = new(StringComparer.Ordinal);

    private GgufCheckpoint(GgufFile file) => (_file, Config) = (file, GgufConfig.Of(file));

    /// <summary>Full path.</summary>
    public string Path => _file.Path;

    /// <summary>The names of all tensors, in ordinal order.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    /// <summary>The file.</summary>
    public GgufFile File => _file;

    /// <summary>The text of the <c>config.json</c> that its keys are.</summary>
    public byte[] Config { get; }

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
        ? new TensorSpec(name, DTypeOf(origin.Parts[0].Tensor.Type), origin.Shape) : null;

    /// <summary>Names of the file's tensors that one is made from.</summary>
    public IEnumerable<string> PartsOf(string name) => _tensors[name].Parts.Select(part => part.Tensor.Name).Distinct();

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
        var (tensors, shapes, metadata) = GgufModel.TensorsOf(Config, Path);
        RequireSameKeys(metadata);
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var tensor in tensors)
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
                    _tensors[part.Tensor] = origin = new GgufOrigin(shapes[part.Tensor]);
                origin.Parts.Add((stored.Tensor, first, part));
                first += part.Rows;
            }
        }

        // Divisors of rotary frequencies are read with the configuration; those that are all 1 say nothing.
        var other = _file.Tensors.Keys.FirstOrDefault(name => !used.Contains(name) && name != GgufRope.Divisors);
        if (other is not null)
            throw new GgufException(GgufError.WrongTensor, $"has the tensor '{other}', which its architecture does not call for");
        if (_tensors.FirstOrDefault(tensor => !tensor.Value.IsComplete).Key is { } missing)
            throw new GgufException(GgufError.WrongTensor, $"lacks rows of '{missing}'");
    }

    // Whoever wrote the file from this configuration would have written these keys: a check on what was made of them.
    private void RequireSameKeys(GgufMetadata metadata)
    {
        var prefix = _file.Text("general.architecture") + ".";
        foreach (var (key, value) in metadata.Entries)
        {
            if (!key.StartsWith(prefix, StringComparison.Ordinal)
                || Array.Exists(Uncompared, name => key.EndsWith(name, StringComparison.Ordinal))
                || _file.Number(key) is not { } own)
                continue;
            var expected = value switch
            {
                uint whole => whole,
                float real => (double)real,
                bool flag => flag ? 1 : 0,
                _ => own,
            };

            // What says that there is none may be 0, or larger than anything.
            if (Math.Abs(own - expected) > 1e-4 * Math.Abs(expected) && own != 0)
            {
                throw new GgufException(
                    GgufError.UnknownArchitecture,
                    string.Create(
                        CultureInfo.InvariantCulture, $"has '{key}' = {own}, which is not read with its other keys (for {expected})"));
            }
        }
    }
}
