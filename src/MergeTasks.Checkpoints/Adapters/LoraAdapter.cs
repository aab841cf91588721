using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Checkpoints.Adapters;

/// <summary>
/// A LoRA adapter (Hu et al. 2021, arXiv 2106.09685) in a folder as the PEFT library writes it: <c>adapter_config.json</c> and
/// <c>adapter_model.safetensors</c>.
/// </summary>
internal sealed class LoraAdapter : IDisposable
{
    /// <summary>The file with the weights.</summary>
    public const string WeightsFileName = "adapter_model.safetensors";

    private const string PickledFileName = "adapter_model.bin";

    private LoraAdapter(string folder, AdapterConfig config, SafetensorsFile file)
    {
        (Folder, Config, File) = (folder, config, file);
        var parts = file.Header.Tensors.Select(tensor => (Tensor: tensor, Parsed: AdapterNames.Parse(tensor.Name))).ToList();
        if (parts.Find(part => part.Parsed.Part == AdapterPart.Other).Tensor is { } other)
        {
            throw new CheckpointException(CheckpointError.RefusedAdapter, file.Path,
                $"'{file.Path}' holds '{other.Name}', which is no part of a plain LoRA adapter (W + s·B·A). Merge it into its model with "
                    + "the library that made it.");
        }

        var repeated = parts.Where(part => part.Parsed.Part == AdapterPart.Replacement)
            .GroupBy(part => part.Parsed.Name, StringComparer.Ordinal)
            .FirstOrDefault(group => group.Skip(1).Any());
        if (repeated is not null)
            throw Bad($"holds the parameter '{repeated.Key}' twice: {string.Join(", ", repeated.Select(part => $"'{part.Tensor.Name}'"))}");
        Replacements = parts.Where(part => part.Parsed.Part == AdapterPart.Replacement)
            .ToDictionary(part => part.Parsed.Name, part => part.Tensor, StringComparer.Ordinal);
        Modules = [.. parts.Where(part => part.Parsed.Part != AdapterPart.Replacement)
            .GroupBy(part => part.Parsed.Name, StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => Module(group.Key, [.. group.Select(part => (part.Parsed.Part, part.Tensor))]))];
        if (Modules.Count + Replacements.Count == 0)
            throw Bad("holds no tensor");
    }

    /// <summary>The adapter's folder.</summary>
    public string Folder { get; }

    /// <summary>What it says of itself.</summary>
    public AdapterConfig Config { get; }

    /// <summary>The open file with the weights.</summary>
    public SafetensorsFile File { get; }

    /// <summary>The low-rank changes, in ordinal order of their modules.</summary>
    public IReadOnlyList<LoraModule> Modules { get; }

    /// <summary>Whole parameters that take the place of the model's, by the parameter's name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Replacements { get; }

    /// <summary>Opens an adapter; no tensor data is read.</summary>
    /// <exception cref="CheckpointException">With the file at fault.</exception>
    public static LoraAdapter Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new CheckpointException(CheckpointError.FolderNotFound, folder, $"The adapter folder '{folder}' does not exist.");
        var config = AdapterConfig.Read(folder);
        var path = Path.Combine(folder, WeightsFileName);
        if (!System.IO.File.Exists(path))
            throw Missing(folder);
        var file = SafetensorsFile.Open(path);
        try
        {
            return new LoraAdapter(folder, config, file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    private LoraModule Module(string name, List<(AdapterPart Part, TensorInfo Tensor)> parts)
    {
        var isEmbedding = parts.Exists(part => part.Part is AdapterPart.EmbeddingA or AdapterPart.EmbeddingB);
        var (a, b) = isEmbedding
            ? (Find(AdapterPart.EmbeddingA), Find(AdapterPart.EmbeddingB))
            : (Find(AdapterPart.A), Find(AdapterPart.B));
        if (a is null || b is null || parts.Count > 2)
            throw Bad(
                $"should hold one A and one B for the module '{name}', but "
                    + $"holds {string.Join(", ", parts.Select(part => $"'{part.Tensor.Name}'"))}");
        if (a.Shape.Count > 2 || b.Shape.Count > 2)
            throw new CheckpointException(
                CheckpointError.RefusedAdapter,
                File.Path,
                $"'{File.Path}' changes the module '{name}', which is no linear module or embedding: A is {a.ShapeText}, B {b.ShapeText}.");
        if (a.Shape.Count != 2
            || b.Shape.Count != 2
            || a.Shape[0] != b.Shape[1]
            || a.Shape[0] == 0
            || !a.DType.IsFloatingPoint()
            || !b.DType.IsFloatingPoint())
            throw Bad(
                $"has no factors of a matrix for the module '{name}': A is {a.ShapeText}, B {b.ShapeText}; valid are floating-point "
                    + "numbers of [rank, in] and [out, rank]");
        if (Config.RankOf(name) != a.Shape[0])
            throw Bad(
                $"has rank {a.Shape[0]} for the module '{name}', where '{Config.Path}' says {Config.RankOf(name)}, so that its scale is "
                    + "not certain");
        return new LoraModule(name, a, b, isEmbedding, Config.ScaleOf(name, a.Shape[0]));

        TensorInfo? Find(AdapterPart wanted) => parts.Find(part => part.Part == wanted).Tensor;
    }

    private CheckpointException Bad(string reason) => new(CheckpointError.BadAdapter, File.Path, $"'{File.Path}' {reason}.");

    private static CheckpointException Missing(string folder)
    {
        var pickled = Path.Combine(folder, PickledFileName);
        return System.IO.File.Exists(pickled)
            ? new CheckpointException(CheckpointError.RefusedFormat, pickled,
                $"'{pickled}' is a pickled adapter, which is refused because loading it can run code that it carries. Convert it to "
                    + $"safetensors ('{WeightsFileName}') where you trust its origin.")
            : new CheckpointException(CheckpointError.BadAdapter, folder, $"The adapter folder '{folder}' has no '{WeightsFileName}'.");
    }
}
