using MergeTasks.Checkpoints.Naming;
using MergeTasks.Language.Declarations;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;
using MergeTasks.Merging.Inputs;
using MergeTasks.Methods.Contract;

namespace MergeTasks.Merging.Planning.Layout;

/// <summary>
/// Lays out an output: which tensors it has, which tensors of which models each is made from, and which settings decide it.
/// The donor (the base, else the first model) decides the tensors; slices decide its layers.
/// </summary>
/// <param name="merge">The declaration.</param>
/// <param name="method">Its method.</param>
/// <param name="models">All models that it names, each once.</param>
/// <param name="donor">The one that decides the output's tensors.</param>
internal sealed class LayoutBuilder(
    MergeDeclaration merge,
    MergeMethod method,
    IReadOnlyList<OpenModel> models,
    OpenModel donor)
{
    private readonly LayoutDraft _draft = new(merge, method, models, donor);

    /// <summary>Lays out the output.</summary>
    /// <exception cref="DiagnosticException">With what does not fit.</exception>
    public OutputLayout Build()
    {
        List<string> names = [.. donor.Input.Names.Where(name => !IsTiedHead(_draft.Donor, name))];
        if (merge.Modules.Count > 0)
            AddModules(names);
        else if (merge.Slices.Count > 0)
            AddSlices(
                new ModelPart("", LayerRun.MainOf(_draft.Donor.Stacks, _draft.Config), names),
                merge.Slices,
                [merge.Parameters],
                merge.Slices[0].Location);
        else
            AddModels(names, _draft.Part("", Participants(merge.Models), [merge.Parameters]));
        return _draft.Finish();
    }

    // Loaders rebuild a tied head from the embeddings and ignore a stored one.
    private static bool IsTiedHead(TensorIndex index, string name) =>
        TensorNames.IsHead(name)
            && index.Model.Config.TiesEmbeddings == true
            && TensorNames.TiedTo(name).Any(embedding => index.Same(embedding) is not null);

    private void AddModules(List<string> names)
    {
        var parts = ModelParts.Of(names, _draft.Donor.Stacks);
        var taken = new HashSet<string>(StringComparer.Ordinal);
        foreach (var module in merge.Modules)
        {
            if (parts.Find(module.Name) is not { } part)
            {
                _draft.Report(DiagnosticCode.UnknownModule,
                    $"'{donor.Declaration.Label}' has no part "
                        + $"'{module.Name}'.{Suggestion.Sentence(module.Name, [.. parts.All.Select(known => known.Name)])}", module.Location);
                continue;
            }

            var own = part with { Name = module.Name, Tensors = [.. part.Tensors.Where(taken.Add)] };
            IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes = [module.Parameters, merge.Parameters];
            if (module.Slices.Count > 0)
                AddSlices(own, module.Slices, scopes, module.Location);
            else
                AddModels(own.Tensors, _draft.Part(module.Name, Participants(module.Models), scopes));
        }

        var rest = names.FindAll(name => !taken.Contains(name));
        if (rest.Count > 0)
            _draft.Note(
                $"{rest.Count} tensors of no module that the recipe names, such as '{rest[0]}', are those of '{donor.Declaration.Label}'");
        var alone = new LayoutPart("", [], [merge.Parameters]);
        foreach (var name in rest)
            _draft.Add(name, alone);
    }

    private void AddSlices(
        ModelPart part,
        IReadOnlyList<SliceDeclaration> slices,
        IReadOnlyList<IReadOnlyDictionary<string, Setting>> scopes,
        SourceLocation location)
    {
        if (part.Stack is { } stack)
            new SliceLayout(_draft, part, stack).Add(slices, scopes);
        else
            _draft.Report(DiagnosticCode.UnknownModule,
                part.Name.Length == 0
                    ? $"'{donor.Declaration.Label}' has no numbered layers to slice."
                    : $"the part '{part.Name}' has no layers to slice; give 'models' instead.", location);
    }

    private void AddModels(IReadOnlyList<string> names, LayoutPart part)
    {
        var isWeight = ArchitectureCheck.IsWeight(donor.Input);
        List<string> weights = [.. names.Where(name => isWeight(name) && merge.Tensors.Includes(name))];
        var used = new HashSet<string?>(names.Count, StringComparer.Ordinal);
        foreach (var source in part.Sources.Where(source => source.Input != donor.Input).DistinctBy(source => source.Input))
        {
            var index = _draft.Index(source.Input);
            if ((weights.Count == 0 || _draft.Architecture.Fits((donor.Declaration, _draft.Donor), (source.Declaration, index), weights))
                && merge.IsWhole)
                ReportUnused(source, index, names, used);
        }

        foreach (var name in names)
            _draft.Add(name, part);
    }

    // The set is the caller's, so that many models need one.
    private void ReportUnused(LayoutSource source, TensorIndex index, IReadOnlyList<string> names, HashSet<string?> used)
    {
        used.Clear();
        used.UnionWith(names.Select(index.Find));
        var isWeight = ArchitectureCheck.IsWeight(source.Input);
        _draft.Unmatched.Unused(
            source.Declaration, source.Input.Names.Where(name => isWeight(name) && !used.Contains(name) && !IsTiedHead(index, name)));
    }

    // The listed models, and the base where the method takes it. In compatibility mode the base also takes part where the method needs none
    // but a value for all models covers it, because mergekit appends the base to the models.
    private List<ModelDeclaration> Participants(IReadOnlyList<ModelDeclaration> listed)
    {
        var participants = listed.ToList();
        if (merge.Base is { } baseModel
            && !participants.Exists(baseModel.IsSameModel)
            && (method.TakesBase(true) || (merge.IsMergekitCompatible && method.MaxModels > 1
            && method.Parameters
                .Where(parameter => parameter is { PerModel: true, Default: null })
                .All(parameter => merge.Parameters.ContainsKey(parameter.Name)))))
        {
            participants.Add(baseModel);
        }

        return participants;
    }
}
