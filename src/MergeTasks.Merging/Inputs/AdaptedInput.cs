using MergeTasks.Caching;
using MergeTasks.Checkpoints.Adapters;
using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Disk;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Checkpoints.Safetensors;
using MergeTasks.Language.Diagnostics;

namespace MergeTasks.Merging.Inputs;

/// <summary>
/// A model with a LoRA adapter as one input: W + s·B·A where the adapter has factors, its parameter where it has a whole one, its rows for
/// single tokens.
/// </summary>
internal sealed class AdaptedInput : ModelInput
{
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
    private readonly AdapterInput _content;
    private readonly LoraAdapter _adapter;
    private readonly FileHasher? _hasher;
    private readonly AdapterMatch _match;
    private readonly HashSet<string> _leftOut = new(StringComparer.Ordinal);
    private ModelConfig? _config;
    private string? _note;
    private IReadOnlyList<(DiagnosticCode, string)> _warnings;

    /// <summary>Puts both together.</summary>
    /// <param name="model">The model; it stays the caller's to dispose.</param>
    /// <param name="adapter">The adapter; it stays the caller's to dispose.</param>
    /// <param name="hasher">Digests files; <see langword="null"/> where identities do not matter.</param>
    /// <exception cref="CheckpointException">They do not fit.</exception>
    public AdaptedInput(ModelInput model, AdapterInput adapter, FileHasher? hasher)
    {
        (_model, _content, _adapter, _hasher) = (model, adapter, adapter.Adapter, hasher);
        _warnings = model.Warnings;
        SeparateHead();
        _match = new AdapterMatch(_model, _adapter, _leftOut);
    }

    public override string Folder => _model.Folder;

    public override IEnumerable<string> Folders => [.. _model.Folders, _adapter.Folder];

    public override IEnumerable<string> Names => _model.Names;

    public override ModelConfig Config => _config ??= Adapted();

    public override Checkpoint Weights => _model.Weights;

    public override IEnumerable<string> Computed =>
        _model.Computed.Concat(_match.Changed.Keys).Concat(_match.Replaced.Keys).Concat(_match.Rows.Keys).Distinct();

    public override TensorSpec? Find(string name) =>
        _model.Find(name) is not { } own ? null
            : _match.Replaced.TryGetValue(name, out var replacement) ? own with { Shape = replacement.Shape }
            : own;

    public override DType ContentType(string name) =>
        _match.Changed.ContainsKey(name) || _match.Rows.ContainsKey(name) ? DType.F32
            : _match.Replaced.TryGetValue(name, out var replacement) ? replacement.DType
            : _model.ContentType(name);

    public override TensorContent Open(string name)
    {
        var content = _match.Replaced.ContainsKey(name) ? _content.Open(_match.Replaced[name].Name) : _model.Open(name);
        if (_match.Changed.TryGetValue(name, out var change))
            content = new LoraTensor(content, () => change.Load(_content));
        return _match.Rows.TryGetValue(name, out var rows)
            ? new ReplacedRows(content, () => _content.Read(rows.Rows), rows.Tokens, rows.Rows.Shape[1])
            : content;
    }

    public override ContentDigest Identity(string name, CancellationToken cancellation)
    {
        var identity = _match.Replaced.TryGetValue(name, out var replacement)
            ? DigestOf(replacement, cancellation)
            : _model.Identity(name, cancellation);
        if (_match.Changed.TryGetValue(name, out var change))
            identity = ContentDigest.Of($"lora 1\n{identity}\n{change.Describe(tensor => DigestOf(tensor, cancellation))}");
        return _match.Rows.TryGetValue(name, out var rows)
            ? ContentDigest.Of(
                $"token rows 1\n{identity}\n{DigestOf(rows.Rows, cancellation)} {rows.Rows.DType}\n{string.Join(' ', rows.Tokens)}\n")
            : identity;
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

    public override string? TokenizerRefusal => _model.TokenizerRefusal;

    public override IReadOnlyList<string> Notes => _note is null ? _model.Notes : [.. _model.Notes, _note];

    public override IReadOnlyList<(DiagnosticCode Code, string Text)> Warnings => _warnings;

    public override void Dispose()
    {
    }

    // On a model with tied embeddings an adapter trains the embeddings or the head and not both as one: applied to the shared table, either
    // would change the other too. The head becomes a table of its own, unless both are replaced by the same one, or were trained as one.
    // Single tokens of the embeddings are trained as one with the head.
    private void SeparateHead()
    {
        if (!_model.Config.TiesHead)
            return;
        var index = new TensorIndex(_model);
        if (_model.Names.FirstOrDefault(name =>
            TensorNames.IsEmbedding(name) && TensorNames.HeadTiedTo(name) is { } head && index.Same(head) is null) is not { } embeddings)
            return;
        var own = TensorNames.HeadTiedTo(embeddings)!;
        var (onHead, onEmbeddings) = (Replacement(own), Replacement(embeddings));
        var (changesHead, changesEmbeddings) = (onHead is not null || Changes(own), onEmbeddings is not null || Changes(embeddings));
        var hasFactors = ChangesAll(own) || ChangesAll(embeddings);
        if (_adapter.Config.KeepsTies && changesEmbeddings && (_adapter.Config.KeepsTiesOfFactors || !hasFactors))
        {
            LeaveOut(own);
            return;
        }

        if (!changesHead
            && (onEmbeddings is null ? !ChangesAll(embeddings) : !onEmbeddings.Shape.SequenceEqual(_model.Find(embeddings)!.Shape)))
            return;
        if (onHead is not null
            && onEmbeddings is not null
            && onHead.Shape.SequenceEqual(onEmbeddings.Shape)
            && DigestOf(onHead, default) is var digest
            && !digest.Equals(default)
            && digest.Equals(DigestOf(onEmbeddings, default)))
        {
            LeaveOut(own);
            return;
        }

        _model = new SeparateHeadInput(_model, own, embeddings);
        var told = $"the embeddings of '{_model.Folder}' are tied to its head, and '{_adapter.Folder}' "
            + $"changes {(changesHead ? changesEmbeddings ? "each for itself" : "the head alone" : "the embeddings alone")}: "
            + $"the model with it has a head '{own}' of its own and 'tie_word_embeddings': false";

        // Whole tables are what PEFT's merge_and_unload gives as well; factors it adds to the table that both share.
        if (hasFactors)
            _warnings = [
                .. _warnings,
                (DiagnosticCode.UntiedByAdapter,
                    told + ", as it was trained; PEFT's merge_and_unload would add the change to the table that both share")
            ];
        else
            _note = told;

        TensorInfo? Replacement(string tensor) => _adapter.Replacements.FirstOrDefault(pair => Means(pair.Key, tensor)).Value;
        bool ChangesAll(string tensor) => _adapter.Modules.Any(module => Means(module.Name + ".weight", tensor));
        bool Changes(string tensor) => ChangesAll(tensor) || _adapter.TokenRows.Keys.Any(module => Means(module + ".weight", tensor));
        bool Means(string name, string tensor) => TensorNames.Canonical(name) == TensorNames.Canonical(tensor);
        void LeaveOut(string tensor)
        {
            _leftOut.UnionWith(_adapter.Replacements.Keys.Where(name => Means(name, tensor)));
            _leftOut.UnionWith(
                _adapter.Modules.Select(module => module.Name)
                    .Concat(_adapter.TokenRows.Keys)
                    .Where(name => Means(name + ".weight", tensor)));
        }
    }

    // An adapter that was trained with more tokens brings longer tables.
    private ModelConfig Adapted()
    {
        var config = _model.Config;
        return VocabularyTensors.RowsOf(this) is { } rows && VocabularyTensors.RowsOf(_model) is { } stored && rows != stored
            ? config.WithVocabularySize(rows)
            : config;
    }

    private ContentDigest DigestOf(TensorInfo tensor, CancellationToken cancellation) => _content.Identity(tensor.Name, cancellation);
}
