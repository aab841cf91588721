using System.Globalization;
using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A model with a LoRA adapter as one input: W + s·B·A where the adapter has factors, its parameter where it has a whole one.
/// </summary>
internal sealed class AdaptedInput : ModelInput
{
    private const int NamesInMessage = 5;

    // Files of a model folder that an adapter trained with more tokens brings along.
    private static readonly string[] TokenizerFiles =
        [
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "merges.txt",
            "tokenizer.model",
            "chat_template.jinja"
        ];

    private ModelInput _model;
    private readonly LoraAdapter _adapter;
    private readonly FileHasher? _hasher;
    private readonly Dictionary<string, (LoraModule Module, bool IsTransposed)> _changed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, TensorInfo> _replaced = new(StringComparer.Ordinal);
    private FileDigests? _digests;
    private ModelConfig? _config;
    private string? _equalHead;
    private string? _note;

    /// <summary>Puts both together.</summary>
    /// <param name="model">The model; it stays the caller's to dispose.</param>
    /// <param name="adapter">The adapter; disposed with this.</param>
    /// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
    /// <exception cref="CheckpointException">They do not fit.</exception>
    public AdaptedInput(ModelInput model, LoraAdapter adapter, FileHasher? hasher)
    {
        (_model, _adapter, _hasher) = (model, adapter, hasher);
        SeparateHead();
        var unknown = new List<string>();
        foreach (var (name, tensor) in adapter.Replacements)
        {
            if (Own(name) is { } own)
                _replaced[own] = tensor;
            else if (name != _equalHead)
                unknown.Add(name);
        }

        foreach (var module in adapter.Modules)
        {
            if (Own(module.Name + ".weight") is { } own)
                _changed[own] = (module, IsTransposed(own, module));
            else
                unknown.Add(module.Name);
        }

        if (unknown.Count > 0)
        {
            throw Unfit(
                $"changes {(unknown.Count == 1 ? "" : $"{unknown.Count} modules, among them ")}{string.Join(", ", unknown.Take(NamesInMessage).Select(name => $"'{name}'"))}, "
                + $"which the model '{model.Folder}' lacks. An adapter fits the model that it was trained on.");
        }
    }

    public override string Folder => _model.Folder;

    public override IEnumerable<string> Folders => [.. _model.Folders, _adapter.Folder];

    public override IEnumerable<string> Names => _model.Names;

    public override ModelConfig Config => _config ??= Adapted();

    public override Checkpoint Weights => _model.Weights;

    public override IEnumerable<string> Computed => _model.Computed.Concat(_changed.Keys).Concat(_replaced.Keys).Distinct();

    public override TensorSpec? Find(string name) =>
        _model.Find(name) is not { } own ? null
            : _replaced.TryGetValue(name, out var replacement) ? own with { Shape = replacement.Shape }
            : own;

    public override DType ContentType(string name) =>
        _changed.ContainsKey(name) ? DType.F32
            : _replaced.TryGetValue(name, out var replacement) ? replacement.DType
            : _model.ContentType(name);

    public override TensorContent Open(string name)
    {
        var content = _replaced.TryGetValue(name, out var replacement) ? new StoredTensor(_adapter.File, replacement) : _model.Open(name);
        return _changed.TryGetValue(name, out var change)
            ? new LoraTensor(content, () => LowRankProduct.Of(change.Module, _adapter.File, change.IsTransposed))
            : content;
    }

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        var identity = _replaced.TryGetValue(name, out var replacement)
            ? DigestOf(replacement, cancellation)
            : _model.Identity(name, cancellation);
        if (!_changed.TryGetValue(name, out var change))
            return identity;
        var (module, isTransposed) = change;
        return ContentDigest.Of(string.Create(CultureInfo.InvariantCulture,
            $"lora 1\n{identity}\n{DigestOf(module.A, cancellation)} {module.A.DType}\n{DigestOf(module.B, cancellation)} {module.B.DType}\nrank {module.Rank} scale {module.Scale:R} transposed {isTransposed}\n"));
    }

    public override IReadOnlyList<SideFile> SideFiles(CancellationToken cancellation)
    {
        var own = TokenizerFiles.Where(name => OwnFiles.Outside(_adapter.Folder, name) is null)
            .Select(name => Path.Combine(_adapter.Folder, name))
            .Where(File.Exists)
            .Select(path => new SideFile(Path.GetFileName(path), _hasher?.DigestWhole(path, cancellation) ?? default, path, null))
            .ToDictionary(file => file.Name, StringComparer.Ordinal);
        return own.ContainsKey("tokenizer.json")
            ? [
                .. _model.SideFiles(cancellation)
                    .Where(file => !own.ContainsKey(file.Name))
                    .Concat(own.Values)
                    .OrderBy(file => file.Name, StringComparer.Ordinal)
            ]
            : _model.SideFiles(cancellation);
    }

    public override IReadOnlyList<(string Path, string Target)> ForeignFiles =>
        [
            .. _model.ForeignFiles,
            .. TokenizerFiles.Select(name => (Path.Combine(_adapter.Folder, name), OwnFiles.Outside(_adapter.Folder, name)))
                .Where(file => file.Item2 is not null)
                .Select(file => (file.Item1, file.Item2!))
        ];

    public override IReadOnlyList<string> Notes => _note is null ? _model.Notes : [.. _model.Notes, _note];

    public override void Dispose() => _adapter.Dispose();

    // On a model with tied embeddings an adapter trains the embeddings or the head and not both as one: applied to the shared table, either
    // would change the other too. The head becomes a table of its own, unless both are replaced by the same one.
    private void SeparateHead()
    {
        if (_model.Config.TiesEmbeddings != true)
            return;
        var index = new TensorIndex(_model);
        if (_model.Names.FirstOrDefault(name =>
            TensorNames.IsEmbedding(name) && TensorNames.HeadTiedTo(name) is { } head && index.Same(head) is null) is not { } embeddings)
            return;
        var own = TensorNames.HeadTiedTo(embeddings)!;
        var (onHead, onEmbeddings) = (Replacement(own), Replacement(embeddings));
        var changesHead = onHead is not null || Changes(own);
        if (!changesHead
            && (onEmbeddings is null ? !Changes(embeddings) : !onEmbeddings.Shape.SequenceEqual(_model.Find(embeddings)!.Shape)))
            return;
        if (onHead is not null
            && onEmbeddings is not null
            && onHead.Shape.SequenceEqual(onEmbeddings.Shape)
            && DigestOf(onHead, default) is var digest
            && !digest.Equals(default)
            && digest.Equals(DigestOf(onEmbeddings, default)))
        {
            _equalHead = _adapter.Replacements.First(pair => pair.Value == onHead).Key;
            return;
        }

        _model = new SeparateHeadInput(_model, own, embeddings);
        _note = $"the embeddings of '{_model.Folder}' are tied to its head, and '{_adapter.Folder}' "
        + $"changes {(changesHead ? onEmbeddings is null && !Changes(embeddings) ? "the head alone" : "each for itself" : "the embeddings alone")}: "
            + $"the model with it has a head '{own}' of its own and 'tie_word_embeddings': false";

        TensorInfo? Replacement(string tensor) =>
            _adapter.Replacements.FirstOrDefault(pair => TensorNames.Canonical(pair.Key) == TensorNames.Canonical(tensor)).Value;
        bool Changes(string tensor) =>
            _adapter.Modules.Any(module => TensorNames.Canonical(module.Name + ".weight") == TensorNames.Canonical(tensor));
    }

    // An adapter that was trained with more tokens brings longer tables.
    private ModelConfig Adapted()
    {
        var config = _model.Config;
        return VocabularyTensors.RowsOf(this) is { } rows && VocabularyTensors.RowsOf(_model) is { } stored && rows != stored
            ? config.WithVocabularySize(rows)
            : config;
    }

    private ContentDigest DigestOf(TensorInfo tensor, CancellationToken cancellation)
    {
        if (_hasher is null)
            return default;
        _digests ??= WeightParts.DigestsOf(_adapter.File, _hasher, cancellation);
        return _digests.Parts[tensor.Name];
    }

    // An adapter trained on a model without its head, or with one more wrapper, names the same tensors with less in front.
    private string? Own(string name)
    {
        if (_model.Find(name) is not null)
            return name;
        var ending = _model.Names.Where(own => own.EndsWith("." + name, StringComparison.Ordinal)).Take(2).ToList();
        return ending is [var only] ? only : StructuralName.Find(name, _model.Names);
    }

    // A stored matrix of [in, out] (GPT-2's Conv1D, embeddings) takes the transpose; a square one goes by what the adapter says.
    private bool IsTransposed(string name, LoraModule module)
    {
        var shape = Find(name)!.Shape;
        var isTransposed = module.IsEmbedding || _adapter.Config.IsTransposed;
        var fits = shape.SequenceEqual([module.Out, module.In]);
        var fitsTransposed = shape.SequenceEqual([module.In, module.Out]);
        if (module.IsEmbedding ? !fitsTransposed : !fits && !fitsTransposed)
        {
            throw Unfit(
                $"changes '{name}' by a matrix of [{(module.IsEmbedding ? $"{module.In}, {module.Out}" : $"{module.Out}, {module.In}")}], "
                + $"but it is {TensorInfo.Shown(shape)} in the model '{_model.Folder}'. An adapter fits the model that it was trained on.");
        }

        if (!_model.Find(name)!.DType.IsFloatingPoint())
            throw Unfit($"changes '{name}', which holds integers (quantised weights?) in the model '{_model.Folder}'");
        return fits && fitsTransposed ? isTransposed : fitsTransposed;
    }

    private CheckpointException Unfit(string what) =>
        new(CheckpointError.BadAdapter, _adapter.Folder, $"The adapter '{_adapter.Folder}' {what}");
}
