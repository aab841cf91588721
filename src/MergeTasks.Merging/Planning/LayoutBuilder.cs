using MergeTasks.Checkpoints;
using MergeTasks.Merging.Declarations;
using MergeTasks.Merging.Diagnostics;
using MergeTasks.Merging.Methods;
using MergeTasks.Merging.Recipes;

namespace MergeTasks.Merging.Planning;

/// <summary>
/// Lays out an output: which tensors it has, which tensors of which models each is made from, and which settings decide it.
/// The donor (the base, else the first model) decides the tensors; slices decide its layers.
/// </summary>
internal sealed class LayoutBuilder
{
    private readonly MergeDeclaration _merge;
    private readonly MergeMethod _method;
    private readonly IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> _models;
    private readonly ModelDeclaration _donorDeclaration;
    private readonly TensorIndex _donor;
    private readonly IReadOnlyList<string> _names;
    private readonly Dictionary<ModelInput, TensorIndex> _indexes = [];
    private readonly List<LayoutTensor> _tensors = [];
    private readonly List<Diagnostic> _errors = [];
    private readonly List<Diagnostic> _warnings = [];
    private readonly List<string> _notes = [];
    private readonly UnmatchedTensors _unmatched;
    private readonly ArchitectureCheck _architecture;
    private ModelConfig _config;

    /// <summary>A builder for one merge.</summary>
    /// <param name="merge">The declaration.</param>
    /// <param name="method">Its method.</param>
    /// <param name="models">All models that it names, each once.</param>
    /// <param name="donor">The one that decides the output's tensors.</param>
    public LayoutBuilder(
        MergeDeclaration merge,
        MergeMethod method,
        IReadOnlyList<(ModelDeclaration Declaration, ModelInput Input)> models,
        (ModelDeclaration Declaration, ModelInput Input) donor)
    {
        (_merge, _method, _models, _donorDeclaration) = (merge, method, models, donor.Declaration);
        _donor = Index(donor.Input);
        _names = [.. donor.Input.Names.Where(name => !IsTiedHead(_donor, name))];
        _unmatched = new UnmatchedTensors(merge);
        _architecture = new ArchitectureCheck(merge, _errors.Add);
        _config = donor.Input.Config;
    }

    /// <summary>Lays out the output.</summary>
    /// <exception cref="DiagnosticException">With what does not fit.</exception>
    public OutputLayout Build()
    {
        if (_merge.Modules.Count > 0)
            AddModules();
        else if (_merge.Slices.Count > 0)
            AddSlices(new ModelPart("", LayerRun.MainOf(_donor.Stacks, _config), _names), _merge.Slices, [_merge.Parameters]);
        else
            AddModels(_names, Part("", Participants(_merge.Models), [_merge.Parameters]));
        if (_errors.Count > 0)
            throw new DiagnosticException([.. _errors.Distinct()]);
        var (notes, warnings) = _unmatched.Tell(_donorDeclaration);
        return new OutputLayout(_tensors, _config) { Notes = [.. _notes, .. notes], Warnings = [.. _warnings, .. warnings, .. UnusedFilters.Find(_merge, _tensors)] };
    }

    // Loaders rebuild a tied head from the embeddings and ignore a stored one.
    private static bool IsTiedHead(TensorIndex index, string name) =>
        TensorNames.IsHead(name) && index.Model.Config.TiesEmbeddings == true && TensorNames.TiedTo(name).Any(embedding => index.Same(embedding) is not null);

    private TensorIndex Index(ModelInput input) => _indexes.TryGetValue(input, out var index) ? index : _indexes[input] = new TensorIndex(input);

    private ModelInput InputOf(ModelDeclaration model) => _models.First(known => known.Declaration.IsSameModel(model)).Input;

    private void AddModules()
    {
        var parts = ModelParts.Of(_names, _donor.Stacks);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var module in _merge.Modules)
        {
            if (parts.Find(module.Name) is not { } part)
            {
                Report(DiagnosticCode.UnknownModule,
                    $"'{_donorDeclaration.Label}' has no part '{module.Name}'.{Suggestion.Sentence(module.Name, [.. parts.All.Select(known => known.Name)])}", module.Location);
                continue;
            }

            var names = part.Tensors.Where(taken.Add).ToList();
            IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes = [module.Parameters, _merge.Parameters];
            if (module.Slices.Count == 0)
                AddModels(names, Part(module.Name, Participants(module.Models), scopes));
            else if (part.Stack is null)
                Report(DiagnosticCode.UnknownModule, $"The part '{module.Name}' has no layers to slice; give 'models' instead.", module.Location);
            else
                AddSlices(part with { Name = module.Name, Tensors = names }, module.Slices, scopes);
        }

        var rest = _names.Where(name => !taken.Contains(name)).ToList();
        if (rest.Count > 0)
            _notes.Add($"{rest.Count} tensors of no module that the recipe names, such as '{rest[0]}', are those of '{_donorDeclaration.Label}'");
        var alone = new LayoutPart("", [], [_merge.Parameters]);
        foreach (var name in rest)
            Add(name, _donor, name, alone, [], Position(name));
    }

    // The listed models, and the base where the method or the reference implementation lets it take part.
    private List<ModelDeclaration> Participants(IReadOnlyList<ModelDeclaration> listed)
    {
        var participants = listed.ToList();
        if (_merge.Base is { } basis && !participants.Exists(basis.IsSameModel) && TakesPart(_merge, _method))
            participants.Add(basis);
        return participants;
    }

    // In compatibility mode the base also takes part where the method needs none but a value for all models covers it, because mergekit
    // appends the base to the models.
    private static bool TakesPart(MergeDeclaration merge, MergeMethod method) =>
        method.TakesBase(merge.Base is not null)
        || (merge.IsMergekitCompatible && method.MaxModels > 1 && method.Parameters.Where(parameter => parameter is { PerModel: true, Default: null })
            .All(parameter => merge.Parameters.ContainsKey(parameter.Name)));

    private LayoutPart Part(string label, IReadOnlyList<ModelDeclaration> models, IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes, ModelDeclaration? ownBase = null)
    {
        var basis = ownBase ?? _merge.Base;
        if (!_method.TakesBase(basis is not null))
            basis = null;
        var baseIndex = basis is null ? -1 : models.ToList().FindIndex(basis.IsSameModel);
        return new LayoutPart(label, [.. models.Select((model, i) => new LayoutSource(model, InputOf(model), i == baseIndex))], scopes);
    }

    private void AddModels(IReadOnlyList<string> names, LayoutPart part)
    {
        var weights = names.Where(name => ArchitectureCheck.IsWeight(_donor.Model)(name) && _merge.Tensors.Includes(name)).ToList();
        foreach (var source in part.Sources.Where(source => source.Input != _donor.Model).DistinctBy(source => source.Input))
        {
            var index = Index(source.Input);
            if (weights.Count > 0 && !_architecture.Fits((_donorDeclaration, _donor), (source.Declaration, index), weights))
                continue;
            if (_merge.IsWhole)
                ReportUnused(source, index, names);
        }

        foreach (var name in names)
            Add(name, _donor, name, part, [.. part.Sources.Select(source => Index(source.Input).Find(name))], Position(name));
    }

    private void ReportUnused(LayoutSource source, TensorIndex index, IReadOnlyList<string> names)
    {
        var used = names.Select(index.Find).ToHashSet(StringComparer.Ordinal);
        var isWeight = ArchitectureCheck.IsWeight(source.Input);
        _unmatched.Unused(source.Declaration, source.Input.Names.Where(name => isWeight(name) && !used.Contains(name) && !IsTiedHead(index, name)));
    }

    private void AddSlices(ModelPart part, IReadOnlyList<SliceDeclaration> slices, IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes)
    {
        if (part.Stack is not { } stack)
        {
            Report(DiagnosticCode.UnknownModule, $"'{_donorDeclaration.Label}' has no numbered layers to slice.", slices[0].Location);
            return;
        }

        var first = 0;
        var origins = new List<LayerOrigin>();
        var parts = new List<(SliceDeclaration Slice, LayoutPart Part, int Donor)>();
        foreach (var slice in slices)
        {
            var label = $"{(part.Name.Length == 0 ? "" : part.Name + " ")}layers {first}–{first + slice.Sources[0].Length - 1}";
            var layout = Part(label, [.. slice.Sources.Select(source => source.Model)], [slice.Parameters, .. scopes], slice.Base);
            parts.Add((slice, layout, Math.Max(0, layout.Sources.ToList().FindIndex(source => source.IsBase))));
            first += slice.Sources[0].Length;
        }

        if (!CheckRanges(stack, parts) || !CheckArchitectures(part.Tensors, parts))
            return;
        foreach (var name in part.Tensors.Where(name => _donor.StackOf(name)?.Prefix != stack.Prefix && TensorNames.IsBeforeLayers(name)))
            AddLoose(name, parts[0]);
        foreach (var slice in parts)
            AddLayers(stack, slice, origins);
        foreach (var name in part.Tensors.Where(name => _donor.StackOf(name)?.Prefix != stack.Prefix && !TensorNames.IsBeforeLayers(name)))
            AddLoose(name, parts[^1]);
        Restack(stack, origins);
    }

    private bool CheckRanges(LayerRun stack, List<(SliceDeclaration Slice, LayoutPart Part, int Donor)> parts)
    {
        var count = _errors.Count;
        foreach (var (slice, part, _) in parts)
        {
            foreach (var (source, layout) in slice.Sources.Zip(part.Sources))
            {
                var index = Index(layout.Input);
                if (index.Find(stack) is not { } own)
                    Report(DiagnosticCode.LayerRange, $"'{source.Model.Label}' has no layers '{stack.Prefix}N', which '{_donorDeclaration.Label}' has.", source.RangeLocation);
                else if (source.End > own.Count)
                    Report(DiagnosticCode.LayerRange, $"'{source.Model.Label}' has {own.Count} layers; [{source.Start}, {source.End}] goes beyond [0, {own.Count}].", source.RangeLocation);
            }
        }

        return _errors.Count == count;
    }

    // Layer counts may differ here; what is left is whether the layers' tensors match at all.
    private bool CheckArchitectures(IReadOnlyList<string> names, List<(SliceDeclaration Slice, LayoutPart Part, int Donor)> parts)
    {
        var isWeight = ArchitectureCheck.IsWeight(_donor.Model);
        var weights = names.Where(isWeight).ToList();
        var count = _errors.Count;
        foreach (var source in parts.SelectMany(part => part.Part.Sources).Where(source => source.Input != _donor.Model).DistinctBy(source => source.Input))
            _architecture.Fits((_donorDeclaration, _donor), (source.Declaration, Index(source.Input)), weights, ignoresLayerCount: true);
        return _errors.Count == count;
    }

    private void AddLoose(string name, (SliceDeclaration Slice, LayoutPart Part, int Donor) slice)
    {
        var donor = Index(slice.Part.Sources[slice.Donor].Input);
        var own = donor.Find(name);
        Add(name, own is null ? _donor : donor, own ?? name, slice.Part, [.. slice.Part.Sources.Select(source => Index(source.Input).Find(name))], Position(name));
    }

    private void AddLayers(LayerRun stack, (SliceDeclaration Slice, LayoutPart Part, int Donor) slice, List<LayerOrigin> origins)
    {
        var stacks = slice.Part.Sources.Select(source => Index(source.Input).Find(stack)!).ToList();
        var donor = Index(slice.Part.Sources[slice.Donor].Input);
        var length = slice.Slice.Sources[0].Length;
        for (var i = 0; i < length; i++)
        {
            var layer = origins.Count;
            var donorLayer = slice.Slice.Sources[slice.Donor].Start + i;
            origins.Add(new LayerOrigin(donor.Model.Config, donorLayer));
            foreach (var name in donor.Layer(stacks[slice.Donor], donorLayer))
            {
                var suffix = stacks[slice.Donor].SuffixOf(name);
                var found = slice.Slice.Sources.Select((source, j) => Index(slice.Part.Sources[j].Input).Find($"{stacks[j].Prefix}{source.Start + i}{suffix}")).ToList();
                Add($"{stack.Prefix}{layer}{suffix}", donor, name, slice.Part, found, LayerPosition.Of(i, length), (stack.Prefix, layer));
            }
        }
    }

    private void Restack(LayerRun stack, List<LayerOrigin> origins)
    {
        var kind = stack.Kind;

        // An encoder or a decoder alone is all of the model, and the configuration counts its layers as such.
        if ((kind == LayerStackKind.Decoder && !_donor.Stacks.Any(other => other.Kind == LayerStackKind.Encoder))
            || (kind == LayerStackKind.Encoder && !_donor.Stacks.Any(other => other.Kind == LayerStackKind.Decoder)))
        {
            kind = LayerStackKind.Main;
        }

        var count = kind == LayerStackKind.Main ? _config.LayerCount ?? stack.Count : stack.Count;
        if (!ConfigLayers.Counts(_config, kind, count))
        {
            _warnings.Add(new Diagnostic(DiagnosticCode.LayerCountKey,
                $"Merge '{_merge.Name}': the configuration of '{_donorDeclaration.Label}' has no known key that counts the layers '{stack.Prefix}N', so it is left as it is although the output has {origins.Count} of them.",
                _merge.Location, IsWarning: true));
            return;
        }

        foreach (var pattern in ConfigLayers.BrokenPatterns(_config, origins))
        {
            _warnings.Add(new Diagnostic(DiagnosticCode.LayerCountKey,
                $"Merge '{_merge.Name}': the configuration says by '{pattern}' that kinds of layers repeat; in the new order they do not.", _merge.Location, IsWarning: true));
        }

        _config = _config.With(kind, count, origins);
    }

    private double Position(string name)
    {
        if (_donor.StackOf(name) is { } stack)
            return LayerPosition.Of(stack.LayerOf(name)!.Value, stack.Count);
        return TensorNames.IsBeforeLayers(name) ? 0 : _merge.PostWeightsPosition;
    }

    private void Add(string name, TensorIndex donor, string donorName, LayoutPart part, IReadOnlyList<string?> found, double position, (string, int)? layer = null)
    {
        var stored = donor.Model.Find(donorName)!;
        layer ??= _donor.StackOf(name) is { } stack ? (stack.Prefix, stack.LayerOf(name)!.Value) : null;
        var tensor = new LayoutTensor(name, new ModelTensor(donor.Model, donorName), part) { Position = position, Layer = layer };
        var isMerged = !tensor.IsCopied && part.Sources.Count > 0 && _merge.Tensors.Includes(name) && Matches(name, stored, part, found);
        _tensors.Add(isMerged
            ? tensor with { Sources = [.. part.Sources.Zip(found, (source, own) => new ModelTensor(source.Input, own!))] }
            : tensor);
    }

    // Every source must have it; a method that got only some of them would compute another mixture than was asked for.
    private bool Matches(string name, TensorSpec stored, LayoutPart part, IReadOnlyList<string?> found)
    {
        var matches = true;
        for (var i = 0; i < found.Count; i++)
        {
            var model = part.Sources[i].Declaration;
            if (found[i] is not { } own)
                _unmatched.Lacks(model, DonorOf(part), name);
            else if (part.Sources[i].Input.Find(own) is var spec && !spec!.Shape.SequenceEqual(stored.Shape))
                _unmatched.Differs(model, DonorOf(part), name, spec.Shape, stored.Shape);
            else if (!spec.DType.IsFloatingPoint())
                _unmatched.IsInteger(model, DonorOf(part), name);
            else
                continue;
            matches = false;
        }

        return matches;
    }

    private ModelDeclaration DonorOf(LayoutPart part) =>
        _merge.IsWhole || part.Sources.Count == 0 ? _donorDeclaration : (part.Sources.FirstOrDefault(source => source.IsBase) ?? part.Sources[0]).Declaration;

    private void Report(string code, string message, SourceLocation location) => _errors.Add(new Diagnostic(code, $"Merge '{_merge.Name}': {message}", location));
}
