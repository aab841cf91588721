using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Importance;
using MergeTasks.Language.Options;
using MergeTasks.Language.Recipes;
using MergeTasks.Language.Searching;
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
    private readonly DeclaredModels _models;
    private readonly DeclarationValidator _validator;
    private readonly TokenizerDeclarations _tokenizers;
    private readonly AssemblingDeclarations _assembling;
    private IReadOnlyDictionary<string, SearchedMerge> _searched = new Dictionary<string, SearchedMerge>();

    private DeclarationReader(ProjectDefaults project, IReadOnlyCollection<string> names, List<Diagnostic> diagnostics)
    {
        _project = project;
        _diagnostics = diagnostics;
        _methods = MethodItems.Read(project, diagnostics.Add);
        _references = new ModelReferences(names);
        _models = new DeclaredModels(project, _references, diagnostics.Add);
        _validator = new DeclarationValidator(_methods, _diagnostics.Add);
        _tokenizers = new TokenizerDeclarations(_diagnostics.Add);
        _assembling = new AssemblingDeclarations(_diagnostics.Add);
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
        // Of several with one name the first: what the others lack follows from the name.
        var distinct = declared.DistinctBy(merge => merge.Name, StringComparer.OrdinalIgnoreCase).ToList();
        var declarations = new List<MergeDeclaration>();
        reader.ReadSearches(distinct, assigned);
        foreach (var merge in distinct)
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
                .. merge.Recipe?.NamedModels.Select(DeclaredModels.Label) ?? sources[merge.Name].Select(DeclaredModels.Label)
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

        var models = sources.ConvertAll(source => _models.Source(source) is var model
            ? model with { Parameters = Settings(source, searched, method, model.Label) } : null!);
        var options = Options(merge, null);
        var declaration = Common(merge, options) with
        {
            Method = method,
            MethodAssembly = AssemblyOf(method),
            Base = _models.Base(item),
            Models = models,
            Parameters = Settings(item, searched, method, null),
        };
        declaration = _tokenizers.Read(
            WithImportance(declaration, options, null),
            item,
            text => _references.Resolve(text, item.LocationOf(ItemMetadata.TokenizerSource), _project.Folder));
        declaration = _assembling.Read(
            declaration, options, () => sources.ConvertAll(new ExpertItems(_project.Folder, _diagnostics.Add).Read));
        _assembling.CheckItems(declaration, sources);
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
        var modelOf = _models.Of(recipe, merge.Documents, sources);
        var options = Options(merge, recipe);
        var (declaration, scopes) = new RecipeDeclarations(recipe, modelOf).Fill(Common(merge, options));
        if (_searched.GetValueOrDefault(merge.Name) is { } searched)
            (declaration, scopes) = searched.Decided(declaration, scopes);
        declaration = declaration with { MethodAssembly = AssemblyOf(declaration.Method) };
        declaration = _tokenizers.Read(WithImportance(declaration, options, recipe), recipe, modelOf);
        declaration = _assembling.Read(declaration, options, () => [.. recipe.Experts.Select(expert => expert.Expert)]);
        var first = _diagnostics.Count;
        _validator.Check(declaration, recipe.Method.Location, scopes);
        foreach (var warning in recipe.Warnings)
            _diagnostics.Add(warning with { IsWarning = !declaration.IsStrict });
        return declaration with { Warnings = TakeWarnings(first) };
    }

    // What can be carried out goes with the declaration, and is told with its plan.
    private List<Diagnostic> TakeWarnings(int first)
    {
        var warnings = _diagnostics.Skip(first).Where(diagnostic => diagnostic.IsWarning).ToList();
        _diagnostics.RemoveAll(warnings.Contains);
        return warnings;
    }

    private string? AssemblyOf(string method) => (_methods.Find(method) as ForeignMethod)?.Path;

    private MergeDeclaration WithImportance(MergeDeclaration merge, OptionReader options, RecipeDocument? recipe)
    {
        var (aim, apl) = (AimDeclaration.Read(options, recipe?.AimLocation), AplDeclaration.Read(options));
        var baseModel = options.Find(MergeOptions.ImportanceBase) is { } named ? _models.Of(named, recipe) : null;
        merge = merge with { Aim = aim, Apl = apl, ImportanceBase = baseModel };
        merge = merge with { Factor = FactorDeclaration.Read(options, UsualFactor.Suits(merge) ? merge.Location : null) };
        return aim is null && apl is null && merge.Factor is null ? merge with { ImportanceBase = null } : merge;
    }

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
            written => _models.DataPath(written, recipe),
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
