using MergeTasks.Checkpoints.Configuration;
using MergeTasks.Checkpoints.Elements;
using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>An output's layout while it is made: the tensors so far, and what there is to tell of them.</summary>
internal sealed class LayoutDraft
{
    private readonly MergeDeclaration _merge;
    private readonly MergeMethod _method;
    private readonly IReadOnlyList<OpenModel> _models;
    private readonly Dictionary<ModelInput, TensorIndex> _indexes = [];
    private readonly List<LayoutTensor> _tensors = [];
    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _warnings = [];
    private readonly List<string> _notes = [];

    /// <summary>An empty draft.</summary>
    /// <param name="merge">The declaration.</param>
    /// <param name="method">Its method.</param>
    /// <param name="models">All models that it names, each once.</param>
    /// <param name="donor">The one that decides the output's tensors.</param>
    public LayoutDraft(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<OpenModel> models,
        OpenModel donor)
    {
        (_merge, _method, _models) = (merge, method, models);
        DonorDeclaration = donor.Declaration;
        Donor = Index(donor.Input);
        Config = donor.Input.Config;
        Unmatched = new UnmatchedTensors(merge);
        Architecture = new ArchitectureCheck(merge, _errors.Add);
    }

    public ModelDeclaration DonorDeclaration { get; }

    public TensorIndex Donor { get; }

    /// <summary>The configuration that the output starts from.</summary>
    public ModelConfig Config { get; set; }

    public UnmatchedTensors Unmatched { get; }

    public ArchitectureCheck Architecture { get; }

    /// <summary>Number of mistakes found so far.</summary>
    public int ErrorCount => _errors.Count;

    public TensorIndex Index(ModelInput input) =>
        _indexes.TryGetValue(input, out var index) ? index : _indexes[input] = new TensorIndex(input);

    public void Report(DiagnosticCode code, string message, SourceLocation location) =>
        _errors.Add(_merge.Error(code, message, location));

    public void Warn(DiagnosticCode code, string message) =>
        _warnings.Add(_merge.Warning(code, message));

    public void Note(string note) => _notes.Add(note);

    /// <summary>A part with these sources; the method uses the first that is the base as such, if it takes one.</summary>
    /// <param name="label">What the part is.</param>
    /// <param name="models">The sources in order.</param>
    /// <param name="scopes">Settings around the sources' own.</param>
    /// <param name="ownBase">The part's own base; <see langword="null"/> for the merge's.</param>
    public LayoutPart Part(
        string label,
        IReadOnlyList<ModelDeclaration> models,
        IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes,
        ModelDeclaration? ownBase = null)
    {
        var baseModel = ownBase ?? _merge.Base;
        var baseIndex = baseModel is not null && _method.TakesBase(true) ? models.ToList().FindIndex(baseModel.IsSameModel) : -1;
        return new LayoutPart(label, [.. models.Select((model, i) => new LayoutSource(model, InputOf(model), i == baseIndex))], scopes);
    }

    /// <summary>Adds a tensor that lies where the donor has it.</summary>
    public void Add(string name, LayoutPart part)
    {
        List<string?> found = [.. part.Sources.Select(source => Index(source.Input).Find(name))];

        // A base that takes no part does not decide how many tokens the others have.
        if (TensorNames.IsEmbedding(name) || TensorNames.IsHead(name))
        {
            var shapes = part.Sources.Zip(found, (source, own) => own is null ? null : source.Input.Find(own)!.Shape).ToList();
            if (shapes is [{ } first, ..]
                && !part.Sources.Any(source => source.Input == Donor.Model)
                && shapes.TrueForAll(shape => shape is not null && shape.SequenceEqual(first))
                && first[0] != Donor.Model.Find(name)!.Shape[0])
            {
                if (TensorNames.IsEmbedding(name))
                    Config = Config.WithVocabularySize(first[0]);
                Add(name, Index(part.Sources[0].Input), found[0]!, part, found);
                return;
            }
        }

        Add(name, Donor, name, part, found);
    }

    /// <summary>Adds a tensor.</summary>
    /// <param name="name">Its name in the output.</param>
    /// <param name="donor">The model that decides its type and shape.</param>
    /// <param name="donorName">Its name there.</param>
    /// <param name="part">Its part.</param>
    /// <param name="found">Its name in each source; <see langword="null"/> where that has none.</param>
    /// <param name="place">Its layer in the output and where gradients are read; <see langword="null"/>: as in the donor.</param>
    public void Add(
        string name,
        TensorIndex donor,
        string donorName,
        LayoutPart part,
        IReadOnlyList<string?> found,
        (string Stack, int Layer, double Position)? place = null)
    {
        var run = place is null ? Donor.StackOf(name) : null;
        var tensor = new LayoutTensor(name, new ModelTensor(donor.Model, donorName), part)
        {
            Layer = place is { } own ? (own.Stack, own.Layer) : run is null ? null : (run.Prefix, run.LayerOf(name)!.Value),
            Position = place?.Position
                ?? (run is not null ? LayerPosition.Of(run.LayerOf(name)!.Value, run.Count)
                    : TensorNames.IsBeforeLayers(name) ? 0
                    : _merge.PostWeightsPosition),
        };
        var isMerged = !tensor.IsCopied && part.Sources.Count > 0 && _merge.Tensors.Includes(name) && Matches(tensor, found);
        _tensors.Add(
            isMerged
                ? tensor with { Sources = [.. part.Sources.Zip(found, (source, own) => new ModelTensor(source.Input, own!))] }
                : tensor);
    }

    /// <summary>The layout.</summary>
    /// <exception cref="DiagnosticException">With what does not fit.</exception>
    public OutputLayout Finish()
    {
        if (_errors.Count > 0)
            throw new DiagnosticException([.. _errors.Distinct()]);
        var (notes, warnings) = Unmatched.Tell(DonorDeclaration);
        return new OutputLayout(
            _tensors, Config)
        {
            Notes = [.. _notes, .. notes],
            Warnings = [.. _warnings, .. warnings, .. UnusedFilters.Find(_merge, _tensors)]
        };
    }

    private ModelInput InputOf(ModelDeclaration model) => _models.First(known => known.Declaration.IsSameModel(model)).Input;

    // Every source must have it; a method that got only some of them would compute another mixture than was asked for.
    private bool Matches(LayoutTensor tensor, IReadOnlyList<string?> found)
    {
        var (part, stored) = (tensor.Part, tensor.Stored);
        var donor = _merge.IsWhole
            ? DonorDeclaration
            : (part.Sources.FirstOrDefault(source => source.IsBase) ?? part.Sources[0]).Declaration;
        var matches = true;
        for (var i = 0; i < found.Count; i++)
        {
            var source = part.Sources[i];
            if (found[i] is not { } own)
                Unmatched.Lacks(source.Declaration, donor, tensor.Name);
            else if (source.Input.Find(own) is var spec && !spec!.Shape.SequenceEqual(stored.Shape))
                Unmatched.Differs(source.Declaration, donor, tensor.Name, spec.Shape, stored.Shape);
            else if (!spec.DType.IsFloatingPoint())
                Unmatched.IsInteger(source.Declaration, donor, tensor.Name);
            else
                continue;
            matches = false;
        }

        return matches;
    }
}
