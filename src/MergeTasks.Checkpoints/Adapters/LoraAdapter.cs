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

    private readonly Lazy<SafetensorsFile> _file;

    private LoraAdapter(string folder, AdapterConfig config, IReadOnlyList<TensorInfo> tensors, Lazy<SafetensorsFile> file)
    {
        (Folder, Config, Tensors, _file) = (folder, config, tensors, file);
        Path = System.IO.Path.Combine(folder, WeightsFileName);
        var parts = tensors.Select(tensor => (Tensor: tensor, Parsed: AdapterNames.Parse(tensor.Name))).ToList();
        if (parts.Find(part => part.Parsed.Part == AdapterPart.Other).Tensor is { } other)
        {
            throw new CheckpointException(CheckpointError.RefusedAdapter, Path,
                $"'{Path}' holds '{other.Name}', which is no part of a plain LoRA adapter (W + s·B·A). Merge it into its model with "
                    + "the library that made it.");
        }

        foreach (var kind in new[] { AdapterPart.Replacement, AdapterPart.Tokens })
        {
            var repeated = parts.Where(part => part.Parsed.Part == kind)
                .GroupBy(part => part.Parsed.Name, StringComparer.Ordinal)
                .FirstOrDefault(group => group.Skip(1).Any());
            if (repeated is not null)
                throw Bad(
                    $"holds the parameter '{repeated.Key}' twice: {string.Join(", ", repeated.Select(part => $"'{part.Tensor.Name}'"))}");
        }

        Replacements = parts.Where(part => part.Parsed.Part == AdapterPart.Replacement)
            .ToDictionary(part => part.Parsed.Name, part => part.Tensor, StringComparer.Ordinal);
        TokenRows = parts.Where(part => part.Parsed.Part == AdapterPart.Tokens)
            .ToDictionary(part => part.Parsed.Name, part => (part.Tensor, Tokens(part.Parsed.Name, part.Tensor)), StringComparer.Ordinal);
        if (parts.Where(part => part.Parsed.Part is AdapterPart.A && !IsTarget(part.Parsed.Name))
            .GroupBy(part => part.Parsed.Name, StringComparer.Ordinal)
            .FirstOrDefault(group => group.Skip(1).Any()) is { } several)
            throw Bad($"holds several changes of the module '{several.Key}', of which '{config.Path}' names no parameters");
        Modules = [.. parts.Where(part => part.Parsed.Part is not (AdapterPart.Replacement or AdapterPart.Tokens))
            .GroupBy(part => (part.Parsed.Name, part.Parsed.Level))
            .OrderBy(group => group.Key.Name, StringComparer.Ordinal)
            .ThenBy(group => group.Key.Level)
            .Select(group => Module(group.Key.Name, group.Key.Level, [.. group.Select(part => (part.Parsed.Part, part.Tensor))]))];
        if (Modules.Count + Replacements.Count + TokenRows.Count == 0)
            throw Bad("holds no tensor");
    }

    /// <summary>The adapter's folder.</summary>
    public string Folder { get; }

    /// <summary>What it says of itself.</summary>
    public AdapterConfig Config { get; }

    /// <summary>Full path of the file with the weights.</summary>
    public string Path { get; }

    /// <summary>The open file with the weights.</summary>
    /// <exception cref="CheckpointException">Another merge has not made it yet.</exception>
    public SafetensorsFile File => _file.Value;

    /// <summary>All tensors. Where another merge makes the file, only their names, types and shapes hold.</summary>
    public IReadOnlyList<TensorInfo> Tensors { get; }

    /// <summary>The low-rank changes, in ordinal order of their modules.</summary>
    public IReadOnlyList<LoraModule> Modules { get; }

    /// <summary>Whole parameters that take the place of the model's, by the parameter's name.</summary>
    public IReadOnlyDictionary<string, TensorInfo> Replacements { get; }

    /// <summary>
    /// Rows of tables for single tokens, by the table's module: [tokens, hidden], and the tokens in the order of the rows.
    /// </summary>
    public IReadOnlyDictionary<string, (TensorInfo Rows, IReadOnlyList<int> Tokens)> TokenRows { get; }

    /// <summary>An adapter that another merge makes; its file is opened when elements are read.</summary>
    /// <param name="folder">Where it will lie.</param>
    /// <param name="config">The text of its configuration.</param>
    /// <param name="tensors">The tensors that it will have.</param>
    /// <param name="open">Opens the file.</param>
    /// <exception cref="CheckpointException">It is none that can be put on a model.</exception>
    public static LoraAdapter Planned(
        string folder, byte[] config, IReadOnlyList<TensorInfo> tensors, Func<SafetensorsFile> open) => new(
        folder,
        AdapterConfig.Parse(System.IO.Path.Combine(folder, AdapterConfig.FileName), config),
        tensors,
        new Lazy<SafetensorsFile>(open));

    /// <summary>Where a tensor lies in the file.</summary>
    public TensorInfo Stored(TensorInfo tensor) => File.Header.Tensors.First(stored => stored.Name == tensor.Name);

    /// <summary>Opens an adapter; no tensor data is read.</summary>
    /// <exception cref="CheckpointException">With the file at fault.</exception>
    public static LoraAdapter Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new CheckpointException(CheckpointError.FolderNotFound, folder, $"The adapter folder '{folder}' does not exist.");
        var config = AdapterConfig.Read(folder);
        var path = System.IO.Path.Combine(folder, WeightsFileName);
        if (!System.IO.File.Exists(path))
            throw Missing(folder);
        var file = SafetensorsFile.Open(path);
        try
        {
            return new LoraAdapter(folder, config, file.Header.Tensors, new Lazy<SafetensorsFile>(file));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_file.IsValueCreated)
            _file.Value.Dispose();
    }

    private IReadOnlyList<int> Tokens(string module, TensorInfo rows)
    {
        var tokens = Config.TokensOf(module) ?? throw Bad($"has rows of single tokens for '{module}', of which '{Config.Path}' says nothing");
        return rows.Shape is [var count, > 0] && count == tokens.Count && rows.DType.IsFloatingPoint()
            ? tokens
            : throw Bad($"has {rows.ShapeText} for {tokens.Count} tokens of '{module}'; valid are floating-point numbers of a row for each");
    }

    private LoraModule Module(string name, int level, List<(AdapterPart Part, TensorInfo Tensor)> parts)
    {
        var isEmbedding = parts.Exists(part => part.Part is AdapterPart.EmbeddingA or AdapterPart.EmbeddingB);
        var (a, b) = isEmbedding
            ? (Find(AdapterPart.EmbeddingA), Find(AdapterPart.EmbeddingB))
            : (Find(AdapterPart.A), Find(AdapterPart.B));
        var bias = Find(AdapterPart.Bias);
        if (a is null || b is null || parts.Count > (bias is null ? 2 : 3) || (bias is not null && isEmbedding))
            throw Bad(
                $"should hold one A and one B for the module '{name}', but "
                    + $"holds {string.Join(", ", parts.Select(part => $"'{part.Tensor.Name}'"))}");

        // The window of a convolution belongs to A; B is one of size 1.
        if (a.Shape.Count < 2
            || b.Shape.Count != a.Shape.Count
            || a.Shape[0] != b.Shape[1]
            || b.Shape.Skip(2).Any(size => size != 1)
            || a.ElementCount == 0
            || b.ElementCount == 0
            || !a.DType.IsFloatingPoint()
            || !b.DType.IsFloatingPoint())
            throw Bad(
                $"has no factors of a matrix for the module '{name}': A is {a.ShapeText}, B {b.ShapeText}; valid are floating-point "
                    + "numbers of [rank, in] and [out, rank]");
        if (bias is not null && (!bias.Shape.SequenceEqual([b.Shape[0]]) || !bias.DType.IsFloatingPoint()))
            throw Bad($"has a bias of {bias.ShapeText} for the module '{name}', where [{b.Shape[0]}] is valid");
        if (IsTarget(name))
            return new LoraModule(name, a, b, isEmbedding, double.NaN) { Place = level };
        if (Config.RankOf(name) != a.Shape[0])
            throw Bad(
                $"has rank {a.Shape[0]} for the module '{name}', where '{Config.Path}' says {Config.RankOf(name)}, so that its scale is "
                    + "not certain");
        return new LoraModule(name, a, b, isEmbedding, Config.ScaleOf(name, a.Shape[0])) { Bias = bias };

        TensorInfo? Find(AdapterPart wanted) => parts.Find(part => part.Part == wanted).Tensor;
    }

    // Whether parameters of the module that may be other than its weight are named.
    private bool IsTarget(string module) => Config.TargetParameters.Any(target => TargetOf(module, target) is not null);

    /// <summary>The parameter of a module that an entry of <c>target_parameters</c> names; <see langword="null"/> where it names none.
    /// </summary>
    public static string? TargetOf(string module, string target)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(target);
        var dot = target.LastIndexOf('.');
        var owner = target[..Math.Max(0, dot)];
        return owner.Length == 0 || module == owner || module.EndsWith("." + owner, StringComparison.Ordinal) ? target[(dot + 1)..] : null;
    }

    private CheckpointException Bad(string reason) => new(CheckpointError.BadAdapter, Path, $"'{Path}' {reason}.");

    private static CheckpointException Missing(string folder)
    {
        var pickled = System.IO.Path.Combine(folder, PickledFileName);
        return System.IO.File.Exists(pickled)
            ? new CheckpointException(CheckpointError.RefusedFormat, pickled,
                $"'{pickled}' is a pickled adapter, which is refused because loading it can run code that it carries. Convert it to "
                    + $"safetensors ('{WeightsFileName}') where you trust its origin.")
            : new CheckpointException(CheckpointError.BadAdapter, folder, $"The adapter folder '{folder}' has no '{WeightsFileName}'.");
    }
}
