using System.Text.Json.Nodes;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Vocabularies;

/// <summary>The chat template of an output: in tokenizer_config.json and chat_template.jinja.</summary>
public sealed class ChatTemplateFiles : IDisposable
{
    private readonly MergeWorkspace _workspace = new();

    public ChatTemplateFiles()
    {
        foreach (var model in new[] { "base", "a", "b", "c" })
            _workspace.Model(model, ("w", RandomTensors.F32(1, 4)));
        Write("base", "tokenizer_config.json", """{"model_max_length": 512, "chat_template": "{{ 'the base’s own' }}"}""");
    }

    public void Dispose() => _workspace.Dispose();

    [Fact]
    public void Without_a_word_the_base_s_files_are_kept()
    {
        Assert.Null(Merge(null));
        Assert.Equal(Read("models", "base", "tokenizer_config.json"), Read("out", "m", "tokenizer_config.json"));
    }

    [Fact]
    public void A_literal_template()
    {
        const string template = "{% for message in messages %}{{ message['content'] }}ü{% endfor %}";
        Assert.Equal(template, Merge(template));
        Assert.Equal(512, (int)JsonNode.Parse(Read("out", "m", "tokenizer_config.json"))!["model_max_length"]!);
        Assert.True(_workspace.State("m").IsFresh);
    }

    [Theory]
    [InlineData("chatml", "<|im_start|>")]
    [InlineData("llama3", "<|start_header_id|>")]
    [InlineData("mistral", "[INST]")]
    [InlineData("alpaca", "### Instruction:")]
    [InlineData("exaone", "[|endofturn|]")]
    public void Built_in_templates(string name, string mark) => Assert.Contains(mark, Merge(name), StringComparison.Ordinal);

    [Fact]
    public void The_most_frequent_one_wherever_the_models_keep_it()
    {
        Write("a", "chat_template.jinja", "{{ 'the other' }}\n");
        Write(
            "b",
            "tokenizer_config.json",
            """{"chat_template": [{"name": "tool", "template": "{{ 1 }}"}, {"name": "default", "template": " {{ 'the other' }}"}]}""");
        Write("c", "tokenizer_config.json", """{"chat_template": null}""");
        Assert.Equal("{{ 'the other' }}", Merge("auto"));
    }

    [Fact]
    public void Of_equally_frequent_ones_the_first()
    {
        Write("b", "chat_template.jinja", "{{ 'b' }}");
        Write("c", "chat_template.jinja", "{{ 'c' }}");
        File.Delete(Path.Combine(_workspace.Folder, "models", "base", "tokenizer_config.json"));
        Assert.Equal("{{ 'b' }}", Merge("auto"));
    }

    [Fact]
    public void None_to_choose_from_changes_nothing()
    {
        Write("base", "tokenizer_config.json", "{}");
        Assert.Null(Merge("auto"));
        Assert.Equal("{}", Read("out", "m", "tokenizer_config.json"));
    }

    private string? Merge(string? template)
    {
        _workspace.Merge(
            "m",
            [
                ("Method", "linear"),
                ("Base", "models/base"),
                .. template is null ? Array.Empty<(string, string)>() : [("ChatTemplate", template)]
            ]);
        foreach (var model in new[] { "a", "b", "c" })
            _workspace.Source("models/" + model, ("Weight", "1"));
        _workspace.Run("m");
        var path = Path.Combine(_workspace.Output("m"), "chat_template.jinja");
        if (!File.Exists(path))
            return null;
        Assert.Equal(File.ReadAllText(path), (string?)JsonNode.Parse(Read("out", "m", "tokenizer_config.json"))!["chat_template"]);
        return File.ReadAllText(path);
    }

    private void Write(string model, string file, string text) =>
        File.WriteAllText(Path.Combine(_workspace.Folder, "models", model, file), text);

    private string Read(params string[] path) => File.ReadAllText(Path.Combine([_workspace.Folder, .. path]));
}
