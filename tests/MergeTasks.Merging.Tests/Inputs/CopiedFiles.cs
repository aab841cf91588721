using MergeTasks.Language.Diagnostics;
using MergeTasks.Merging.Outputs.Ownership;
using MergeTasks.TestSupport;

namespace MergeTasks.Merging.Tests.Inputs;

/// <summary>What of a model's folder becomes part of an output: what a loader of the output would open.</summary>
public sealed class CopiedFiles : IDisposable
{
    private readonly MergeWorkspace _space = new();

    public CopiedFiles()
    {
        _space.Model("a", ("w", RawTensor.F32([2], 1, 2)));
        _space.Merge("m", ("Method", "passthrough"));
        _space.Source("models/a");
    }

    public void Dispose() => _space.Dispose();

    [Fact]
    public void Tokenizers_configurations_licences_and_what_they_name_and_nothing_else()
    {
        string[] wanted =
        [
            "tokenizer.json",
            "tokenizer.model",
            "tokenizer_config.json",
            "generation_config.json",
            "preprocessor_config.json",
            "processor_config.json",
            "chat_template.jinja",
            "merges.txt",
            "qwen.tiktoken",
            "LICENSE", "NOTICE.txt", "USE_POLICY.md", "config_sentence_transformers.json", "sentence_bert_config.json", "my-words.txt",
            "additional_chat_templates/tool_use.jinja",
        ];
        string[] others =
        [
            "adapter_config.json",
            "all_results.json",
            "train_results.json",
            "quantize_config.json",
            "tf_model.h5.index.json",
            "optimizer.json",
            "trainer_state.json",
            "training_args.json",
            "notes.txt",
            "pytorch_model.bin.index.json", "flax_model.msgpack.index.json", "hf_quant_config.json", "params.json", "README.txt",
            ".hidden.json", "script.py", "additional_chat_templates/readme.md",
        ];
        foreach (var name in wanted.Concat(others))
            Write(name, name.EndsWith(".json", StringComparison.Ordinal) ? "{}" : "text");
        Write("tokenizer_config.json", """{"vocab_file": "my-words.txt"}""");
        Assert.Equal(wanted.Order(StringComparer.Ordinal), Copied().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Modules_of_sentence_transformers_come_with_their_folders()
    {
        Write(
            "modules.json",
            """[{"idx": 0, "name": "0", "path": "", "type": "T"}, {"path": "1_Pooling"}, {"path": "2_Dense"}, {"path": "../x"}, {"path": "9_Missing"}]""");
        Write("1_Pooling/config.json", """{"pooling_mode_mean_tokens": true}""");
        Write("2_Dense/config.json", "{}");
        TestCheckpoint.WriteFile(
            Path.Combine(_space.Folder, "models", "a", "2_Dense", "model.safetensors"), ("linear.weight", RawTensor.F32([1], 5)));
        Write("3_Other/config.json", "{}");
        Write("x/config.json", "{}");
        Assert.Equal(["1_Pooling/config.json", "2_Dense/config.json", "2_Dense/model.safetensors", "modules.json"], Copied());
        Assert.Equal(
            File.ReadAllBytes(Path.Combine(_space.Folder, "models", "a", "2_Dense", "model.safetensors")),
            File.ReadAllBytes(Path.Combine(_space.Output("m"), "2_Dense", "model.safetensors")));
        Assert.Contains(_space.State("m").Plan.Notes, note => note.Contains("2_Dense/model.safetensors", StringComparison.Ordinal));

        // They are the output's as all its files are: made again, left fresh, removed.
        Assert.True(_space.State("m").IsFresh);
        File.WriteAllText(Path.Combine(_space.Output("m"), "1_Pooling", "config.json"), "edited");
        Assert.False(_space.State("m").IsFresh);
        _space.RunAll();
        Assert.Contains("mean", File.ReadAllText(Path.Combine(_space.Output("m"), "1_Pooling", "config.json")), StringComparison.Ordinal);
        Write("modules.json", """[{"path": "2_Dense"}]""");
        _space.RunAll();
        Assert.False(Directory.Exists(Path.Combine(_space.Output("m"), "1_Pooling")));
        File.WriteAllText(Path.Combine(_space.Output("m"), "2_Dense", "mine.txt"), "mine");
        var hasher = new Caching.FileHasher(new Caching.DigestMemo(_space.Cache), 1);
        OutputRemoval.Remove(_space.ProjectFile, _space.Output("m"), hasher, default);
        Assert.Equal(["mine.txt"], Directory.GetFiles(_space.Output("m"), "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public void A_link_in_the_place_of_a_folder_below_is_not_followed()
    {
        Write("modules.json", """[{"path": "1_Pooling"}]""");
        Write("1_Pooling/config.json", "{}");
        var elsewhere = Directory.CreateDirectory(Path.Combine(_space.Folder, "elsewhere")).FullName;
        Directory.CreateDirectory(_space.Output("m"));
        Directory.CreateSymbolicLink(Path.Combine(_space.Output("m"), "1_Pooling"), elsewhere);
        Assert.Equal("MTK7003", Assert.Single(Assert.Throws<DiagnosticException>(() => _space.RunAll()).Diagnostics).Code);
        Assert.Empty(Directory.GetFileSystemEntries(elsewhere));

        // Nor on the way in.
        Directory.Delete(Path.Combine(_space.Output("m"), "1_Pooling"));
        Directory.Delete(Path.Combine(_space.Folder, "models", "a", "1_Pooling"), recursive: true);
        File.WriteAllText(Path.Combine(elsewhere, "config.json"), "secret");
        Directory.CreateSymbolicLink(Path.Combine(_space.Folder, "models", "a", "1_Pooling"), elsewhere);
        Assert.Equal(["modules.json"], Copied());
    }

    [Fact]
    public void Code_that_auto_map_names_is_copied_with_a_warning_or_refused()
    {
        File.WriteAllText(
            Path.Combine(_space.Folder, "models", "a", "config.json"),
            """{"model_type": "x", "auto_map": {"AutoConfig": "configuration_foo.FooConfig", "AutoModel": "modeling_foo.Foo", "AutoTokenizer": ["other--tokenization.T", null]}}""");
        Write("modeling_foo.py", "import torch\nfrom .parts_foo import (Part,\n  Other)\nfrom . import helpers_foo\n");
        Write("configuration_foo.py", "from transformers import PretrainedConfig\n");
        Write("parts_foo.py", "x = 1\n");
        Write("helpers_foo.py", "y = 2\n");
        Write("train.py", "z = 3\n");
        Assert.Equal(["configuration_foo.py", "helpers_foo.py", "modeling_foo.py", "parts_foo.py"], Copied());
        var warning = Assert.Single(_space.State("m").Plan.Warnings);
        Assert.Equal(("MTK3061", true), (warning.Code, warning.IsWarning));
        _space.Clear();
        _space.Merge("m", ("Method", "passthrough"), ("RemoteCode", "refuse"));
        _space.Source("models/a");
        Assert.Equal(
            ("MTK3061", false),
            Assert.Throws<DiagnosticException>(() => _space.Plan()).Diagnostics
                .Select(diagnostic => (diagnostic.Code, diagnostic.IsWarning))
                .Single());
    }

    private IEnumerable<string> Copied()
    {
        _space.RunAll();
        string[] own = [
            "config.json", "model.safetensors", "README.md", "merge.manifest.json", "merge.provenance.json", ".merge.owner.json"
        ];
        return [
            .. Directory.GetFiles(_space.Output("m"), "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(_space.Output("m"), path).Replace('\\', '/'))
                .Except(own)
                .Order(StringComparer.Ordinal)
        ];
    }

    private void Write(string name, string text)
    {
        var path = Path.Combine(_space.Folder, "models", "a", name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }
}
