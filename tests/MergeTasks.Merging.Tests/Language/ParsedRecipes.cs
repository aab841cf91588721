using MergeTasks.Language.Recipes;

namespace MergeTasks.Merging.Tests.Language;

/// <summary>What recipes say, before anything is made of it.</summary>
public sealed class ParsedRecipes
{
    [Theory]
    [InlineData("org/model", "org/model", null)]
    [InlineData("org/model@main", "org/model@main", null)]
    [InlineData("org/model+org/lora", "org/model", "org/lora")]
    [InlineData("org/model@v1+org/lora@v2", "org/model@v1", "org/lora@v2")]
    [InlineData("{model: {path: a+b}}", "a+b", null)]
    [InlineData("{model: {path: a+b, revision: r}, lora: {path: c, revision: null}}", "a+b@r", "c")]
    [InlineData("{model: {path: a, revision: null}, lora: null, override_architecture: LlamaForCausalLM}", "a", null)]
    [InlineData("{model: {path: a}, lora: {path: b+c, revision: s}}", "a", "b+c@s")]
    public void References_split_at_the_adapter(string written, string model, string? adapter)
    {
        var recipe = Read($"merge_method: linear\nmodels: [{{model: x}}]\nbase_model: {written}\n");
        Assert.Equal((model, adapter), (recipe.Base!.Reference, recipe.Base.Adapter?.Reference));
    }

    [Fact]
    public void A_tokenizer_section_has_its_sources_and_positions()
    {
        var tokenizer = Read("""
            merge_method: linear
            models: [{model: x}]
            tokenizer:
              source: union
              pad_to_multiple_of: 64
              tokens:
                <|im_start|>: {source: org/chat@v1, force: true}
                <extra>: {source: {kind: zero}}
                <other>: {source: {kind: model_token, model: org/chat+org/lora, token_id: 7}}
                <third>: {source: {kind: model_token, model: x, token: the}}
                <fourth>: {force: false}
            """).Tokenizer!;
        Assert.IsType<RecipeVocabulary.Union>(tokenizer.Source);
        Assert.Equal((64, 3), (tokenizer.PadToMultipleOf, tokenizer.Location.Line));
        Assert.Equal(["<|im_start|>", "<extra>", "<other>", "<third>", "<fourth>"], tokenizer.Tokens.Select(token => token.Token));
        Assert.Equal([true, false, false, false, false], tokenizer.Tokens.Select(token => token.IsForced));
        Assert.Equal("org/chat@v1", Assert.IsType<RecipeTokenRow.OfModel>(tokenizer.Tokens[0].Source).Reference.Reference);
        Assert.IsType<RecipeTokenRow.Zero>(tokenizer.Tokens[1].Source);
        var other = Assert.IsType<RecipeTokenRow.OfToken>(tokenizer.Tokens[2].Source);
        Assert.Equal(
            ("org/chat", "org/lora", null, 7), (other.Reference.Reference, other.Reference.Adapter!.Reference, other.Token, other.TokenId));
        Assert.Equal("the", Assert.IsType<RecipeTokenRow.OfToken>(tokenizer.Tokens[3].Source).Token);
        Assert.Equal((11, null), (tokenizer.Tokens[4].Location.Line, tokenizer.Tokens[4].Source));
    }

    [Fact]
    public void The_short_form_of_a_tokenizer_names_its_vocabulary()
    {
        const string recipe = "merge_method: linear\nmodels: [{model: x}]\ntokenizer_source: ";
        Assert.IsType<RecipeVocabulary.Base>(Read(recipe + "base").Tokenizer!.Source);
        Assert.IsType<RecipeVocabulary.Union>(Read(recipe + "union").Tokenizer!.Source);
        Assert.Equal("x", Assert.IsType<RecipeVocabulary.OfModel>(Read(recipe + "x").Tokenizer!.Source).Reference.Reference);
        Assert.IsType<RecipeVocabulary.Union>(Read("merge_method: linear\nmodels: [{model: x}]\ntokenizer: {}").Tokenizer!.Source);
    }

    [Fact]
    public void A_chat_template_is_kept_as_written() =>
        Assert.Equal(
            "{{ messages }}\n",
            Read("merge_method: linear\nmodels: [{model: x}]\nchat_template: |\n  {{ messages }}\n").ChatTemplate!.Value.Text);

    [Fact]
    public void Anchors_and_merge_keys_work()
    {
        var recipe = Read("""
            merge_method: slerp
            slices:
              - sources:
                  - &first {model: x, layer_range: [0, 4], parameters: {weight: 1}}
                  - <<: *first
                    model: y
            """);
        Assert.Equal(["x", "y"], recipe.Slices[0].Sources.Select(source => source.Model.Reference));
        Assert.Equal([4, 4], recipe.Slices[0].Sources.Select(source => source.End));
    }

    [Fact]
    public void Documents_of_one_file_are_read_in_order()
    {
        var stages = RecipeReader.Parse(
            "x.yml", "name: a\nmerge_method: linear\nmodels: [{model: x}]\n---\nmerge_method: linear\nmodels: [{model: a}]\n---\n");
        Assert.Equal(["a", null], stages.Select(stage => stage.Name?.Text));
    }

    private static RecipeDocument Read(string text) => Assert.Single(RecipeReader.Parse("recipe.yml", text));
}
