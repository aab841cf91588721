using System.Globalization;
using MergeTasks.Language.Diagnostics;
using MergeTasks.Language.Recipes;

namespace MergeTasks.Language.Declarations;

/// <summary>Reads what items and recipes say about an output's vocabulary and chat template.</summary>
/// <param name="report">Receives each finding.</param>
internal sealed class TokenizerDeclarations(Action<Diagnostic> report)
{
    /// <summary>Adds what an item says.</summary>
    /// <param name="merge">The declaration without it.</param>
    /// <param name="item">The item.</param>
    /// <param name="resolve">Resolves the reference of a model.</param>
    public MergeDeclaration Read(MergeDeclaration merge, DeclaredItem item, Func<string, ModelDeclaration> resolve)
    {
        var padding = Padding(item);
        if (item[ItemMetadata.TokenizerSource] is { } source)
        {
            var location = item.LocationOf(ItemMetadata.TokenizerSource);
            merge = merge with
            {
                Tokenizer = (source switch
                {
                    "union" => new TokenizerDeclaration(VocabularySource.Union, location),
                    "base" => new TokenizerDeclaration(VocabularySource.Base, location),
                    _ =>
                        Participant(merge, Labelled(merge, source) ?? resolve(source), location) is { } model
                            ? new TokenizerDeclaration(VocabularySource.Model, location) { Model = model }
                            : null,
                }) is { } tokenizer ? tokenizer with { PadToMultipleOf = padding } : null,
            };
        }
        else if (padding is not null)
        {
            merge = merge with
            {
                Tokenizer = new TokenizerDeclaration(
                    VocabularySource.Union, item.LocationOf(ItemMetadata.TokenizerPadToMultipleOf))
                { PadToMultipleOf = padding }
            };
        }

        return item[ItemMetadata.ChatTemplate] is { } template
            ? WithTemplate(merge, template, item.LocationOf(ItemMetadata.ChatTemplate))
            : merge;
    }

    /// <summary>Adds what a recipe says.</summary>
    /// <param name="merge">The declaration without it.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="resolve">Resolves a model that it names.</param>
    public MergeDeclaration Read(MergeDeclaration merge, RecipeDocument recipe, Func<RecipeModel, ModelDeclaration> resolve)
    {
        if (recipe.Tokenizer is { } tokenizer)
        {
            var model = (tokenizer.Source as RecipeVocabulary.OfModel)?.Reference;
            var source = tokenizer.Source switch
            {
                RecipeVocabulary.Union => VocabularySource.Union,
                RecipeVocabulary.Base => VocabularySource.Base,
                _ => VocabularySource.Model,
            };
            var named = model is null ? null : Participant(merge, resolve(model), model.Location);
            var rules = tokenizer.Tokens.Select(token => Rule(merge, token, resolve)).OfType<TokenRule>().ToList();
            if (model is null || named is not null)
                merge = merge with
                {
                    Tokenizer = new TokenizerDeclaration(
                        source, tokenizer.Location)
                    { Model = named, Tokens = rules, PadToMultipleOf = tokenizer.PadToMultipleOf }
                };
        }

        return recipe.ChatTemplate is { } template ? WithTemplate(merge, template.Text, template.Location) : merge;
    }

    private TokenRule? Rule(MergeDeclaration merge, RecipeToken token, Func<RecipeModel, ModelDeclaration> resolve)
    {
        var rule = new TokenRule(token.Token, token.Location) { IsForced = token.IsForced };
        switch (token.Source)
        {
            case null:
                return rule;
            case RecipeTokenRow.Zero:
                return rule with { Source = TokenRowSource.Zero };
            case RecipeTokenRow.OfModel(var reference):
                return Participant(merge, resolve(reference), reference.Location) is { } model
                    ? rule with { Source = TokenRowSource.Model, Model = model }
                    : null;
            case RecipeTokenRow.OfToken(var reference, var other, var id):
                return Participant(merge, resolve(reference), reference.Location) is { } owner
                    ? rule with { Source = TokenRowSource.Model, Model = owner, OtherToken = other, OtherTokenId = id } : null;
            default:
                throw new NotSupportedException(token.Source.GetType().Name);
        }
    }

    // The model under the name by which the merge lists it, so that it is the same one.
    private ModelDeclaration? Participant(MergeDeclaration merge, ModelDeclaration wanted, SourceLocation location)
    {
        var models = Models(merge);
        if (models.Find(wanted.IsSameModel) is { } model)
            return model;
        var labels = models.ConvertAll(known => known.Label);
        report(merge.Error(DiagnosticCode.InvalidTokenizerSource,
            $"'{wanted.Label}' takes no part in the merge, so it cannot give tokens or "
                + $"rows; list it in 'models', with 'weight: 0' if its weights are not wanted."
                + Suggestion.Sentence(wanted.Label, [.. labels, "union", "base"]), location));
        return null;
    }

    private static ModelDeclaration? Labelled(MergeDeclaration merge, string label) => Models(merge).Find(model => model.Label == label);

    private static List<ModelDeclaration> Models(MergeDeclaration merge) =>
        [.. merge.Models, .. merge.Base is { } baseModel ? new[] { baseModel } : []];

    private int? Padding(DeclaredItem item)
    {
        if (item[ItemMetadata.TokenizerPadToMultipleOf] is not { } text)
            return null;
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var multiple) && multiple > 0)
            return multiple;
        report(
            ItemMetadata.Invalid(
                item,
                ItemMetadata.TokenizerPadToMultipleOf,
                $"{ItemMetadata.TokenizerPadToMultipleOf} '{text}' is not a whole number from 1 on."));
        return null;
    }

    private MergeDeclaration WithTemplate(MergeDeclaration merge, string text, SourceLocation location)
    {
        if (BuiltInTemplates.Fault(text) is not { } fault)
            return merge with { ChatTemplate = new ChatTemplateDeclaration(text, location) };
        report(merge.Error(DiagnosticCode.InvalidChatTemplate, fault, location));
        return merge;
    }
}
