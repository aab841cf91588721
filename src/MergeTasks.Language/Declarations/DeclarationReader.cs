using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Experts;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
using MergeTasks.Methods.BuiltIn;
using MergeTasks.Methods.Contract;
using MergeTasks.Methods.Loading;

namespace MergeTasks.Language.Declarations;

/// <summary>Turns project items and the recipes they name into merge declarations, reporting every mistake it meets.</summary>
internal sealed class DeclarationReader
{
    private readonly ProjectDefaults _project;
    private readonly List<Diagnostic> _diagnostics;
    private readonly MethodCatalog _methods;
    private readonly ModelReferences _references;
    private readonly DeclarationValidator _validator;
    private readonly TokenizerDeclarations _tokenizers;
    private IReadOnlyDictionary<string, SearchedMerge> _searched = new Dictionary<string, SearchedMerge>();

    private DeclarationReader(ProjectDefaults project, IReadOnlyCollection<string> names, List<Diagnostic> diagnostics)
    {
        _project = project;
        _diagnostics = diagnostics;
        _methods = MethodItems.Read(project, diagnostics.Add);
        _references = new ModelReferences(names);
        _validator = new DeclarationValidator(_methods, _diagnostics.Add);
        _tokenizers = new TokenizerDeclarations(_diagnostics.Add);
    }

    /// <summary>Reads all merges of a project.</summary>
    /// <param name="project">What holds for all of them.</param>
    /// <param name="merges">The <c>MergedModel</c> items.</param>
    /// <param name="sources">The <c>MergeSource</c> items.</param>
    /// <exception cref="DiagnosticException">With everything that is wrong.</exception>
    public static IReadOnlyList<MergeDeclaration> Read(
        ProjectDefaults project, IReadOnlyList<DeclaredItem> merges, IReadOnlyList<DeclaredItem> sources)
    {
        var diagnostics = new List<Diagnostic>();
        var declared = merges.SelectMany((item, index) =>
            DeclaredMerge.Of(project, item, diagnostics.Add).Select(merge => merge with { Index = index })).ToList();
        var reader = new DeclarationReader(project, [.. declared.Select(merge => merge.Name)], diagnostics);
        foreach (var item in merges.Concat(sources))
            ItemMetadata.CheckSpelling(item, reader._methods, diagnostics.Add);
        var names = new MergeNames(declared, diagnostics.Add);
        names.Check();
        var assigned = names.Assign(sources);
        var declarations = new List<MergeDeclaration>();
        reader.ReadSearches(declared, assigned);
        foreach (var merge in declared)
        {
            try
            {
                if (reader.ReadMerge(merge, assigned[merge.Name]) is { } declaration)
                    declarations.Add(declaration);
            }
            catch (DiagnosticException e)
            {
                diagnostics.AddRange(e.Diagnostics);
            }
        }

        declarations = OutputFolders.WithMadeAdapters(declarations);
        diagnostics.AddRange(OutputFolders.Check(declarations));
        if (diagnostics.Count > 0)
            throw new DiagnosticException(diagnostics);
        return MergeOrder.Sort(declarations);
    }

    private void ReadSearches(IReadOnlyList<DeclaredMerge> declared, IReadOnlyDictionary<string, List<DeclaredItem>> sources)
    {
        if (_project.Searches.Count == 0 && _project.SearchAxes.Count == 0)
            return;
        _searched = new SearchReader(
            _project,
            [.. declared.Select(merge => (merge, (IReadOnlyList<string>)[
                .. merge.Recipe?.NamedModels.Select(Label) ?? sources[merge.Name].Select(Label)
            ]))],
            _methods,
            _diagnostics.Add).Read().ToDictionary(
            pair => pair.Key,
            pair => new SearchedMerge(
                pair.Value,
                _project.Candidate(pair.Value) ?? pair.Value.Found?.SettingsOf(pair.Value) ?? SearchedSettings.None,
                _methods),
            StringComparer.OrdinalIgnoreCase);
    }

    private MergeDeclaration? ReadMerge(DeclaredMerge merge, List<DeclaredItem> sources) =>
        merge.Recipe is { } recipe ? ReadRecipe(merge, recipe, sources)
        : DeclaredMerge.RecipePath(_project, merge.Item) is null ? ReadItems(merge, sources)
        : null;

    private MergeDeclaration? ReadItems(DeclaredMerge merge, List<DeclaredItem> sources)
    {
        var item = merge.Item;
        var searched = _searched.GetValueOrDefault(merge.Name);
        if ((searched?.Method ?? item["Method"]) is not { } method)
        {
            _diagnostics.Add(
                new Diagnostic(
                    DiagnosticCode.MissingMethod,
                    $"Merge '{merge.Name}' does not say which Method to use "
                        + (searched is null ? "(a recipe file would end in .yml or .yaml)."
                            : $"and has not been searched yet ('{searched.Search.File}' is missing). Run -t:SearchMerges, or name one."),
                    item.Location));
            return null;
        }

        var models = sources.ConvertAll(source => Source(source) is var model
            ? model with { Parameters = Settings(source, searched, method, model.Label) } : null!);
        var options = Options(merge, null);
        var declaration = Common(merge, options) with
        {
            Method = method,
            MethodAssembly = AssemblyOf(method),
            Base = item["Base"] is { } named
                ? Base(item, _references.Resolve(named, item.LocationOf("Base"), _project.Folder))
                : null,
            Models = models,
            Parameters = Settings(item, searched, method, null),
        };
        declaration = _tokenizers.Read(
            WithImportance(declaration, options, null),
            item,
            text => _references.Resolve(text, item.LocationOf(ItemMetadata.TokenizerSource), _project.Folder));
        declaration = WithTransplant(declaration, options);
        if (IsMixture(declaration))
        {
            var experts = new ExpertItems(_project.Folder, _diagnostics.Add);
            declaration = WithMixture(declaration, options, sources.ConvertAll(experts.Read));
        }
        else if (sources.Find(ExpertItems.Mentions) is { } odd)
        {
            _diagnostics.Add(declaration.Error(
                DiagnosticCode.InvalidValue,
                $"'{odd.Include}' is told what an expert is, and the method '{method}' has no experts. Say "
                    + $"Method=\"{AssemblingMethod.Mixture.Name}\".",
                odd.Location));
        }

        _validator.Check(declaration, item.LocationOf("Method"),
            [
                .. models.Select((model, i) => new SettingsScope(model.Parameters, true, name => LocationOfParameter(sources[i], name))),
                new SettingsScope(declaration.Parameters, false, name => LocationOfParameter(item, name))
            ]);
        return declaration;
    }

    private Dictionary<string, Setting> Settings(DeclaredItem item, SearchedMerge? searched, string method, string? source)
    {
        var declared = ItemMetadata.ReadSettings(item, _methods, _diagnostics.Add);
        return searched?.Parameters(declared, method, source) ?? declared;
    }

    private MergeDeclaration ReadRecipe(DeclaredMerge merge, RecipeDocument recipe, List<DeclaredItem> sources)
    {
        var folder = Path.GetDirectoryName(recipe.Location.File)!;
        var bound = Bind(recipe, merge.Documents, sources);
        var options = Options(merge, recipe);
        var (declaration, scopes) = new RecipeDeclarations(recipe, Bound).Fill(Common(merge, options));
        if (_searched.GetValueOrDefault(merge.Name) is { } searched)
            (declaration, scopes) = Searched(declaration, scopes, searched);
        declaration = declaration with { MethodAssembly = AssemblyOf(declaration.Method) };
        declaration = _tokenizers.Read(WithImportance(declaration, options, recipe), recipe, Bound);
        declaration = WithTransplant(declaration, options);
        if (IsMixture(declaration))
            declaration = WithMixture(declaration, options, [.. recipe.Experts.Select(expert => expert.Expert)]);
        var first = _diagnostics.Count;
        _validator.Check(declaration, recipe.Method.Location, scopes);
        foreach (var warning in recipe.Warnings)
            _diagnostics.Add(warning with { IsWarning = !declaration.IsStrict });
        return declaration with { Warnings = TakeWarnings(first) };

        ModelDeclaration Resolved(string reference, SourceLocation location) => bound.TryGetValue(reference, out var source)
            ? source with { Label = reference, Location = location }
            : _references.Resolve(reference, location, folder, _project.Folder);

        ModelDeclaration Bound(RecipeModel model)
        {
            var named = Resolved(model.Reference, model.Location);
            if (model.Adapter is { } adapter)
                named = ModelReferences.WithAdapter(named, Resolved(adapter.Reference, adapter.Location));
            return model.TaskData is { } data ? named with { TaskData = Data(data, [folder]) } : named;
        }
    }

    private MergeDeclaration WithTransplant(MergeDeclaration merge, OptionReader options)
    {
        if (merge.Method != AssemblingMethod.Transplant.Name)
        {
            if (TransplantSettings.Options.Select(options.Find).FirstOrDefault(written => written is not null) is { } odd)
                options.Report(
                    DiagnosticCode.InvalidValue,
                    $"only the method '{AssemblingMethod.Transplant.Name}' makes rows for tokens that a model lacks; remove this.",
                    odd.Location);
            return merge;
        }

        if (merge.Models.Count != 1)
            _diagnostics.Add(merge.Error(
                DiagnosticCode.ModelCount,
                $"a tokenizer is taken from one model, beside the base that gets it; {merge.Models.Count} given."));
        if (!merge.IsWhole || merge.Aim is not null || merge.Apl is not null || merge.Tokenizer is not null)
            _diagnostics.Add(merge.Error(
                DiagnosticCode.InvalidValue,
                "a transplanted tokenizer leaves everything but embeddings and head as it is, so slices, modules, AIM, APL and "
                    + "'tokenizer' do not apply."));
        return merge with { Transplant = options.Read(new TransplantSettings(), TransplantSettings.Options) };
    }

    private static bool IsMixture(MergeDeclaration merge) => merge.Method == AssemblingMethod.Mixture.Name;

    private MergeDeclaration WithMixture(MergeDeclaration merge, OptionReader options, IReadOnlyList<ExpertDeclaration> experts)
    {
        merge = merge with { Mixture = MixtureDeclaration.Read(options, experts) };
        MixtureCheck.Check(merge, merge.Mixture, _diagnostics.Add);
        return merge;
    }

    // Slices and modules keep settings of their own.
    private static (MergeDeclaration Merge, IReadOnlyList<SettingsScope> Scopes) Searched(
        MergeDeclaration merge, IReadOnlyList<SettingsScope> scopes, SearchedMerge searched)
    {
        var method = searched.Method ?? merge.Method;
        return (
            merge with
            {
                Method = method,
                Parameters = searched.Parameters(merge.Parameters, method, null),
                Models = merge.IsWhole
                    ? [
                        .. merge.Models.Select(model =>
                            model with { Parameters = searched.Parameters(model.Parameters, method, model.Label) })
                    ]
                    : merge.Models,
            },
            [.. scopes.Select(scope => scope with { Settings = searched.Known(scope.Settings, method) })]);
    }

    // What can be carried out goes with the declaration, and is told with its plan.
    private List<Diagnostic> TakeWarnings(int first)
    {
        var warnings = _diagnostics.Skip(first).Where(diagnostic => diagnostic.IsWarning).ToList();
        _diagnostics.RemoveAll(warnings.Contains);
        return warnings;
    }

    private string? AssemblyOf(string method) => (_methods.Find(method) as ForeignMethod)?.Path;

    // Sources of a recipe bind the names it uses, so that a recipe need not know where a model comes from.
    private Dictionary<string, ModelDeclaration> Bind(
        RecipeDocument recipe, IReadOnlyList<RecipeDocument> documents, List<DeclaredItem> sources)
    {
        var bound = new Dictionary<string, ModelDeclaration>(StringComparer.Ordinal);
        var used = Names(recipe);
        foreach (var source in sources)
        {
            var name = source["As"] ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(source.Include.Replace('\\', '/')));
            if (used.Contains(name))
                bound[name] = Source(source);
            else if (!documents.Any(document => Names(document).Contains(name)))
                _diagnostics.Add(
                    new Diagnostic(
                        DiagnosticCode.UnknownInto,
                        $"The recipe names no model '{name}' for MergeSource '{source.Include}'.{Suggestion.Sentence(name, used)}",
                        source.Location));
        }

        return bound;

        static List<string> Names(RecipeDocument document) =>
            [.. document.NamedModels.SelectMany(model => new[] { model.Reference, model.Adapter?.Reference }).OfType<string>().Distinct()];
    }

    private ModelDeclaration Base(DeclaredItem item, ModelDeclaration baseModel) =>
        item[ItemMetadata.BaseAdapter] is { } adapter
            ? ModelReferences.WithAdapter(
                baseModel, _references.Resolve(adapter, item.LocationOf(ItemMetadata.BaseAdapter), _project.Folder))
            : baseModel;

    private ModelDeclaration Source(DeclaredItem source)
    {
        var model = _references.Resolve(source.Include, source.Location, _project.Folder) with
        {
            Label = source["MergedModelName"] ?? source.Include
        };
        if (source[ItemMetadata.Adapter] is { } adapter)
            model = ModelReferences.WithAdapter(
                model, _references.Resolve(adapter, source.LocationOf(ItemMetadata.Adapter), _project.Folder));
        return model with
        {
            Label = source["As"] ?? model.Label,
            TaskData = source[DataFile.OfTask.Metadata] is { } data
                ? Data(new WrittenOption([data], () => source.LocationOf(DataFile.OfTask.Metadata)), []) : null,
        };
    }

    // As the model will be called.
    private static string Label(DeclaredItem source) => source["As"]
        ?? (source["MergedModelName"] ?? source.Include) + (source[ItemMetadata.Adapter] is { } adapter ? $"+{adapter}" : "");

    private static string Label(RecipeModel model) =>
        model.Adapter is { } adapter ? $"{model.Reference}+{adapter.Reference}" : model.Reference;

    private MergeDeclaration WithImportance(MergeDeclaration merge, OptionReader options, RecipeDocument? recipe)
    {
        var (aim, apl) = (AimDeclaration.Read(options, recipe?.AimLocation), AplDeclaration.Read(options));
        var baseModel = options.Find(MergeOptions.ImportanceBase) is { } named
            ? _references.Resolve(named.Text, named.Location, [.. FoldersOf(recipe), _project.Folder]) : null;
        merge = merge with { Aim = aim, Apl = apl, ImportanceBase = baseModel };
        merge = merge with { Factor = FactorDeclaration.Read(options, HasUsualFactor(merge) ? merge.Location : null) };
        return aim is null && apl is null && merge.Factor is null ? merge with { ImportanceBase = null } : merge;
    }

    // All models can be measured, and nothing else says how large the merged change is.
    private static bool HasUsualFactor(MergeDeclaration merge)
    {
        var tuned = merge.Models.Where(model => merge.Base is null || !model.IsSameModel(merge.Base)).ToList();
        var isSized = Scopes(merge)
            .Any(parameters => parameters.ContainsKey("lambda") || parameters.ContainsKey("t"));
        return (merge.Base ?? merge.ImportanceBase) is not null
            && !merge.IsMergekitCompatible
            && tuned.Count > 1
            && (merge.IsWhole || MergesAnywhere(merge))
            && tuned.TrueForAll(model => model.TaskData is not null) && !isSized;
    }

    private static IEnumerable<IReadOnlyDictionary<string, Setting>> Scopes(MergeDeclaration merge) =>
        merge.Models.Concat(merge.Modules.SelectMany(module => module.Models)).Select(model => model.Parameters)
            .Concat(SlicesOf(merge).SelectMany(slice => slice.Sources.Select(source => source.Model.Parameters).Append(slice.Parameters)))
            .Concat(merge.Modules.Select(module => module.Parameters))
            .Append(merge.Parameters);

    private static IEnumerable<SliceDeclaration> SlicesOf(MergeDeclaration merge) =>
        merge.Slices.Concat(merge.Modules.SelectMany(module => module.Slices));

    // Where layers are only stacked, there is no mixture whose size could be chosen.
    private static bool MergesAnywhere(MergeDeclaration merge) =>
        SlicesOf(merge).Select(slice => slice.Sources.Select(source => source.Model)).Concat(merge.Modules.Select(module => module.Models))
            .Any(models => models.Count(model => merge.Base is null || !model.IsSameModel(merge.Base)) > 1);

    // A recipe's options come before the item's, the item's before the project's.
    private OptionReader Options(DeclaredMerge merge, RecipeDocument? recipe)
    {
        var item = merge.Item;
        return new OptionReader(
            $"Merge '{merge.Name}'",
            option => [
                .. new[]
                {
                    _searched.GetValueOrDefault(merge.Name)?.Option(option), recipe?.Options.GetValueOrDefault(option), OfItem(option),
                }.OfType<WrittenOption>()
            ],
            written => DataPath(written, FoldersOf(recipe)),
            _diagnostics.Add);

        WrittenOption? OfItem(MergeOption option)
        {
            if ((item[option.Metadata] ?? (option.IsProjectWide ? _project.Find(option.Metadata) : null)) is not { } text)
                return null;
            var entries = option.Form.TakesList
                ? text.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) : [text];
            return entries.Length == 0 ? null : new WrittenOption(entries, () => item.LocationOf(option.Metadata));
        }
    }

    private static string[] FoldersOf(RecipeDocument? recipe) => recipe is null ? [] : [Path.GetDirectoryName(recipe.Location.File)!];

    private DataFile Data(WrittenOption written, IReadOnlyList<string> folders) =>
        new(written.Text, DataPath(written, folders), written.Location);

    private string DataPath(WrittenOption written, IReadOnlyList<string> folders)
    {
        var candidates = folders.Append(_project.Folder).Select(folder => UserPath.Full(folder, written.Text, written.Locate)).ToList();
        return candidates.Find(File.Exists) ?? candidates[^1];
    }

    private MergeDeclaration Common(DeclaredMerge merge, OptionReader options)
    {
        var (item, name) = (merge.Item, merge.Name);
        var declaration = (MergeDeclaration)options.Read<MergeSettings>(
            new MergeDeclaration(name, item.Location)
            {
                Method = "",
                Models = [],
                ItemIndex = merge.Index,
                IsIntermediate = merge.IsIntermediate,
                Carried = merge.IsIntermediate ? CarriedOutput.Nowhere : CarriedOutput.Read(item, _diagnostics.Add),
                ProjectFile = _project.ProjectFile,
                OutputFolder = OutputFolders.Of(_project, merge),
                Search = _searched.GetValueOrDefault(merge.Name)?.Search,
            },
            MergeSettings.Options);
        var globs = MergeSettings.Options
            .Where(option => option.Form.TakesList)
            .Select(options.Find)
            .OfType<WrittenOption>()
            .FirstOrDefault();
        return declaration with { Tensors = declaration.Tensors with { Location = globs?.Location } };
    }

    private static SourceLocation LocationOfParameter(DeclaredItem item, string parameter)
    {
        var metadata = new ParameterDeclaration(parameter, null, "").MetadataName;
        return item.LocationOf(item[metadata] is null ? "Parameters" : metadata);
    }
}
