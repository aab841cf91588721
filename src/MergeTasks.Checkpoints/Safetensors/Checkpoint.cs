using MergeTasks.Checkpoints.Elements;

namespace MergeTasks.Checkpoints.Safetensors;

/// <summary>A model's weights: one safetensors file or several shards, seen as one set of named tensors.</summary>
internal sealed class Checkpoint : IDisposable
{
    private readonly Dictionary<string, (SafetensorsFile File, TensorInfo Info)> _tensors;

    private Checkpoint(string folder, List<SafetensorsFile> files, Dictionary<string, (SafetensorsFile, TensorInfo)> tensors)
    {
        Folder = folder;
        Files = files;
        _tensors = tensors;
    }

    /// <summary>The model folder.</summary>
    public string Folder { get; }

    /// <summary>The open weight files, ordered by name.</summary>
    public IReadOnlyList<SafetensorsFile> Files { get; }

    /// <summary>Whether it has no tensor at all.</summary>
    public bool IsEmpty => _tensors.Count == 0;

    /// <summary>The names of all tensors, in ordinal order.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    /// <summary>Opens all weight files of a model folder and validates their headers; no tensor data is read.</summary>
    /// <exception cref="CheckpointException">With the file at fault.</exception>
    public static Checkpoint Open(string folder) => Open(folder, null);

    /// <summary>As <see cref="Open(string)"/>.</summary>
    /// <param name="folder">Full path.</param>
    /// <param name="pool">Shares descriptions of tensors with other checkpoints; <see langword="null"/>: with none.</param>
    public static Checkpoint Open(string folder, TensorInfoPool? pool)
    {
        var (paths, map) = WeightFiles.Find(folder);
        var files = new List<SafetensorsFile>();
        try
        {
            foreach (var path in paths)
                files.Add(SafetensorsFile.Open(path, pool));
            return new Checkpoint(folder, files, Collect(folder, files, map));
        }
        catch
        {
            files.ForEach(file => file.Dispose());
            throw;
        }
    }

    /// <summary>Finds a tensor by name; <see langword="null"/> where the checkpoint has none of that name.</summary>
    public TensorInfo? Find(string name) => _tensors.TryGetValue(name, out var tensor) ? tensor.Info : null;

    /// <summary>The weight file that holds a tensor.</summary>
    /// <exception cref="KeyNotFoundException">No tensor of that name.</exception>
    public SafetensorsFile FileOf(string name) => _tensors[name].File;

    /// <summary>Reads bytes of a tensor.</summary>
    /// <param name="name">The tensor.</param>
    /// <param name="start">First byte, from the beginning of the tensor's data.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="CheckpointException">The file cannot be read or became shorter.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The range leaves the tensor.</exception>
    public void Read(string name, long start, Span<byte> destination)
    {
        var (file, info) = _tensors[name];
        ArgumentOutOfRangeException.ThrowIfNegative(start);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(start + destination.Length, info.ByteLength, nameof(start));
        file.Read(info.Offset + start, destination);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var file in Files)
            file.Dispose();
    }

    private static Dictionary<string, (SafetensorsFile, TensorInfo)> Collect(
        string folder, List<SafetensorsFile> files, IReadOnlyDictionary<string, string>? map)
    {
        var tensors = new Dictionary<string, (SafetensorsFile File, TensorInfo Info)>(
            files.Sum(file => file.Header.Tensors.Count), StringComparer.Ordinal);
        foreach (var file in files)
        {
            var fileName = Path.GetFileName(file.Path);
            foreach (var info in file.Header.Tensors)
            {
                // A tensor that the index does not list is still loaded by the usual runtimes; where it lists one, the index decides.
                if (map is null || !map.TryGetValue(info.Name, out var listed) || listed == fileName)
                    tensors.TryAdd(info.Name, (file, info));
            }
        }

        var index = Path.Combine(folder, ShardIndex.FileName);
        foreach (var (name, file) in map ?? new Dictionary<string, string>())
        {
            if (!tensors.TryGetValue(name, out var found) || Path.GetFileName(found.File.Path) != file)
                throw new CheckpointException(
                    CheckpointError.BadIndex, index, $"'{index}' places tensor '{name}' in '{file}', which does not hold it.");
        }

        return tensors;
    }
}
