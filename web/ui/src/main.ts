import { mount } from 'svelte';
import { backFromSignIn } from './app';
import App from './App.svelte';
import './styles/base.css';

const target = document.getElementById('app');
backFromSignIn();
if (target) mount(App, { target });
